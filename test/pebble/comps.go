package pebble

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// Comps are the package groups, in the shape of data/comps.yaml.
type comps struct {
	Groups       []group       `yaml:"groups"`
	Environments []environment `yaml:"environments"`
}

type group struct {
	ID          string   `yaml:"id"`
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Mandatory   []string `yaml:"mandatory"`
	Default     []string `yaml:"default"`
	Optional    []string `yaml:"optional"`
}

type environment struct {
	ID          string   `yaml:"id"`
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Groups      []string `yaml:"groups"`
	Options     []string `yaml:"options"`
}

// What follows is comps.xml as its DTD has it (fedora-comps).
type compsXML struct {
	XMLName      xml.Name         `xml:"comps"`
	Groups       []groupXML       `xml:"group"`
	Environments []environmentXML `xml:"environment"`
}

type groupXML struct {
	ID          string      `xml:"id"`
	Name        string      `xml:"name"`
	Description string      `xml:"description"`
	Default     bool        `xml:"default"`
	UserVisible bool        `xml:"uservisible"`
	Packages    []memberXML `xml:"packagelist>packagereq"`
}

type memberXML struct {
	Type string `xml:"type,attr"`
	Name string `xml:",chardata"`
}

type environmentXML struct {
	ID           string   `xml:"id"`
	Name         string   `xml:"name"`
	Description  string   `xml:"description"`
	DisplayOrder int      `xml:"display_order"`
	Groups       []string `xml:"grouplist>groupid"`
	Options      []string `xml:"optionlist>groupid"`
}

// xmlFor writes comps.xml for one architecture. A member that no package of the release has is an error: it would be a spelling
// mistake that dnf passes over in silence.
func (c comps) xmlFor(arch string, have map[string]bool) ([]byte, error) {
	var out compsXML
	groups := map[string]bool{}
	for _, g := range c.Groups {
		x := groupXML{ID: g.ID, Name: g.Name, Description: g.Description, UserVisible: true}
		for _, list := range []struct {
			kind  string
			names []string
		}{{"mandatory", g.Mandatory}, {"default", g.Default}, {"optional", g.Optional}} {
			for _, member := range list.names {
				name, only, limited := strings.Cut(member, "@")
				if limited && only != arch {
					continue
				}
				if !have[name] {
					return nil, fmt.Errorf("comps: group %s has %s, which no package of %s is called", g.ID, name, arch)
				}
				x.Packages = append(x.Packages, memberXML{list.kind, name})
			}
		}
		groups[g.ID] = true
		out.Groups = append(out.Groups, x)
	}
	for i, e := range c.Environments {
		for _, id := range append(append([]string{}, e.Groups...), e.Options...) {
			if !groups[id] {
				return nil, fmt.Errorf("comps: environment %s has the group %s, which is not declared", e.ID, id)
			}
		}
		out.Environments = append(out.Environments, environmentXML{e.ID, e.Name, e.Description, i + 1, e.Groups, e.Options})
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, err
	}
	head := xml.Header + "<!DOCTYPE comps PUBLIC \"-//Red Hat, Inc.//DTD Comps info//EN\" \"comps.dtd\">\n"
	return append([]byte(head), append(text, '\n')...), nil
}
