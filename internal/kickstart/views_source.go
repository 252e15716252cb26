package kickstart

// Repo is a repo command. Substitutions such as $basearch stand as they are.
type Repo struct {
	Name          string   `json:"name"`
	BaseURL       string   `json:"baseURL,omitempty"`
	MirrorList    string   `json:"mirrorList,omitempty"`
	MetaLink      string   `json:"metaLink,omitempty"`
	Cost          *int     `json:"cost,omitempty"`
	IncludePkgs   []string `json:"includePkgs,omitempty"`
	ExcludePkgs   []string `json:"excludePkgs,omitempty"`
	Install       bool     `json:"install,omitempty"` // also written to the installed system
	NoVerifySSL   bool     `json:"noVerifySSL,omitempty"`
	Proxy         string   `json:"proxy,omitempty"`
	SSLCACert     string   `json:"sslCACert,omitempty"`
	SSLClientCert string   `json:"sslClientCert,omitempty"`
	SSLClientKey  string   `json:"sslClientKey,omitempty"`
	Pos           Position `json:"position"`
}

// Repos are all repo commands, in order.
func (f *File) Repos() (all []Repo) {
	for _, c := range f.all("repo") {
		v := c.Values
		all = append(all, Repo{
			Name: v.Text("name"), BaseURL: v.Text("baseurl"), MirrorList: v.Text("mirrorlist"), MetaLink: v.Text("metalink"),
			Cost: v.OptInt("cost"), IncludePkgs: v.List("includepkgs"), ExcludePkgs: v.List("excludepkgs"),
			Install: v.Bool("install"), NoVerifySSL: v.Bool("noverifyssl"), Proxy: v.Text("proxy"),
			SSLCACert: v.Text("sslcacert"), SSLClientCert: v.Text("sslclientcert"), SSLClientKey: v.Text("sslclientkey"), Pos: c.Pos,
		})
	}
	return all
}

// URL is what url says: exactly one of URL, MirrorList and MetaLink is set.
type URL struct {
	URL           string `json:"url,omitempty"`
	MirrorList    string `json:"mirrorList,omitempty"`
	MetaLink      string `json:"metaLink,omitempty"`
	Proxy         string `json:"proxy,omitempty"`
	NoVerifySSL   bool   `json:"noVerifySSL,omitempty"`
	SSLCACert     string `json:"sslCACert,omitempty"`
	SSLClientCert string `json:"sslClientCert,omitempty"`
	SSLClientKey  string `json:"sslClientKey,omitempty"`
}

// URL is what url says; false when it isn't there.
func (f *File) URL() (URL, bool) {
	v := f.state("url")
	return URL{
		URL: v.Text("url"), MirrorList: v.Text("mirrorlist"), MetaLink: v.Text("metalink"), Proxy: v.Text("proxy"),
		NoVerifySSL: v.Bool("noverifyssl"), SSLCACert: v.Text("sslcacert"), SSLClientCert: v.Text("sslclientcert"),
		SSLClientKey: v.Text("sslclientkey"),
	}, f.seen("url")
}

// Module is a module command.
type Module struct {
	Name    string   `json:"name"`
	Stream  string   `json:"stream,omitempty"`
	Disable bool     `json:"disable,omitempty"`
	Pos     Position `json:"position"`
}

// Modules are all module commands that have an effect in the file's version, in order.
func (f *File) Modules() (all []Module) {
	for _, c := range f.all("module") {
		if v := c.Values; v != nil {
			all = append(all, Module{v.Text("name"), v.Text("stream"), v.Bool("disable"), c.Pos})
		}
	}
	return all
}
