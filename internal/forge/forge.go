// Package forge speaks GitHub's REST API (https://docs.github.com/rest, through go-github): what is new on a branch, the status of a commit, the files
// of a release. It waits where GitHub asks to wait, tries again what may pass, and sends its token to nobody else. It knows nothing of
// kickstarts, images or builds.
package forge

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/quarry-project/quarry/internal/progress"
)

// PublicAPI is where github.com's API is.
const PublicAPI = "https://api.github.com/"

// Token is a secret. It does not show in any text that is made of it.
type Token string

// String hides the token.
func (t Token) String() string {
	if t == "" {
		return "no token"
	}
	return "a token"
}

// GoString hides the token from %#v.
func (t Token) GoString() string { return t.String() }

// MarshalText hides the token from JSON and the like.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Environment reads what a user or GitHub Actions has set: the token from QUARRY_GITHUB_TOKEN or GITHUB_TOKEN, the API's address from
// GITHUB_API_URL.
func Environment(get func(string) string) Options {
	o := Options{Token: Token(get("QUARRY_GITHUB_TOKEN")), API: get("GITHUB_API_URL")}
	if o.Token == "" {
		o.Token = Token(get("GITHUB_TOKEN"))
	}
	return o
}

// Options say how to reach GitHub.
type Options struct {
	Token    Token         // empty reads what is public, with a small rate limit
	API      string        // URL; empty is PublicAPI. An enterprise server's ends with /api/v3
	Patience time.Duration // the longest wait for a rate limit to be lifted; 0 waits for none
	Report   progress.Func
}

// Client calls the API. It is safe for use by several goroutines.
type Client struct {
	api      *github.Client
	token    bool
	patience time.Duration
	pause    time.Duration // before the second attempt; doubles after that
	report   progress.Func
}

// New makes a client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	if o.API == "" {
		o.API = PublicAPI
	}
	base, err := url.Parse(strings.TrimRight(o.API, "/") + "/")
	if err != nil || base.Host == "" || base.User != nil || base.Scheme != "https" && (base.Scheme != "http" || !isLoopback(base.Hostname())) {
		return nil, errors.New("the address of GitHub's API has to be an https URL without a password: see GITHUB_API_URL")
	}
	uploads := *base
	switch {
	case base.Host == "api.github.com":
		uploads.Host = "uploads.github.com"
	case strings.HasSuffix(base.Path, "/api/v3/"):
		uploads.Path = strings.TrimSuffix(base.Path, "v3/") + "uploads/"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 5 * time.Minute // GitHub looks through what was uploaded before it answers
	api := github.NewClient(&http.Client{Transport: &authorized{
		next: transport, token: o.Token, hosts: []string{base.Host, uploads.Host},
	}})
	api.BaseURL, api.UploadURL, api.UserAgent = base, &uploads, "quarry"
	return &Client{api: api, token: o.Token != "", patience: o.Patience, pause: time.Second, report: o.Report}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// authorized adds the token to requests for the API and to no other, wherever a redirect leads.
type authorized struct {
	next  http.RoundTripper
	token Token
	hosts []string
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	for _, host := range a.hosts {
		if a.token != "" && r.URL.Host == host {
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", "Bearer "+string(a.token))
			break
		}
	}
	return a.next.RoundTrip(r)
}

// Repository is one on GitHub.
type Repository struct{ Owner, Name string }

func (r Repository) String() string { return r.Owner + "/" + r.Name }

// repository is what both parts may be made of. They become part of URLs.
var repository = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]{0,99})/([A-Za-z0-9._-]{1,100})$`)

// ParseRepository reads OWNER/NAME.
func ParseRepository(text string) (Repository, error) {
	m := repository.FindStringSubmatch(text)
	if m == nil || m[2] == "." || m[2] == ".." {
		return Repository{}, fmt.Errorf("%q is no repository on GitHub: write it as OWNER/NAME", text)
	}
	return Repository{m[1], m[2]}, nil
}

// RepositoryAt reads the address that git knows a repository of github.com by. It tells whether there is one.
func RepositoryAt(address string) (Repository, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != "github.com" {
		return Repository{}, false
	}
	r, err := ParseRepository(strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git"))
	return r, err == nil
}

// commit is a full commit id, which is all that is ever sent as one.
var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Target is a commit of a repository, spelled OWNER/NAME@COMMIT.
type Target struct {
	Repository Repository
	Commit     string // 40 hexadecimal digits
}

// ParseTarget reads OWNER/NAME@COMMIT.
func ParseTarget(text string) (Target, error) {
	name, id, _ := strings.Cut(text, "@")
	repo, err := ParseRepository(name)
	if err != nil {
		return Target{}, err
	}
	if !commit.MatchString(id) {
		return Target{}, fmt.Errorf("%q: %q is no commit: write all 40 hexadecimal digits after the @", text, id)
	}
	return Target{repo, id}, nil
}
