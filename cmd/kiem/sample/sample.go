// Package sample is the campaign that the demo shows: "Inclusie en verstedelijking", a city that asks its people how it can stay a home for
// everybody.
//
// A demo with three test ideas shows nothing: lists do not scroll, groups do not differ, small groups do not fold. So this is a whole campaign:
// people of all five groups, ideas with needs and comments, and for each idea how many of each group support it. It is data only
// (inclusie.json, in Dutch, embedded); whoever loads it joins the people and sends the commands, in the order of the file. The city, the names and the
// figures are invented.
//
// Beside it stand short ideas and remarks for participants that are simulated while the demo runs.
package sample

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed inclusie.json
var inclusie []byte

// Campaign is a campaign with what happened in it so far. Fields hold what the commands of the protocol take under the same names.
type Campaign struct {
	Note           string         `json:"note"` // that all this is invented
	Title          string         `json:"title"`
	Template       string         `json:"template"`
	Languages      []string       `json:"languages"`
	Challenge      Challenge      `json:"challenge"`
	Neighbourhoods []string       `json:"neighbourhoods"` // with their article, to stand after "in" or "van"
	People         []Person       `json:"people"`         // who wrote the ideas and comments; names are unique
	Crowd          map[string]int `json:"crowd"`          // by group: others, who only read and support
	Ideas          []Idea         `json:"ideas"`
	Simulated      Simulated      `json:"simulated"`
}

// Challenge is the question the campaign asks.
type Challenge struct {
	Title  string   `json:"title"`
	Text   string   `json:"text"` // paragraphs with a blank line between
	Nodes  []string `json:"nodes"`
	Themes []string `json:"themes"`
}

// Person is a participant.
type Person struct {
	Name         string `json:"name"`
	Group        string `json:"group"`
	Organisation string `json:"organisation"`
	Channel      string `json:"channel"` // how they heard of it
	Entrepreneur bool   `json:"entrepreneur"`
}

// Idea is an idea with what came after it.
type Idea struct {
	Title      string         `json:"title"`
	Author     string         `json:"author"` // the name of one of People
	Text       string         `json:"text"`
	Need       string         `json:"need"`
	Innovation []string       `json:"innovation"`
	Nodes      []string       `json:"nodes"`
	Themes     []string       `json:"themes"`
	Support    map[string]int `json:"support"` // by group: how many people, never more than People and Crowd have
	Comments   []Comment      `json:"comments"`
}

// Comment is a comment on an idea.
type Comment struct {
	Kind    string `json:"kind"`
	Author  string `json:"author"` // the name of one of People
	Text    string `json:"text"`
	ReplyTo *int   `json:"reply_to"` // index of an earlier comment of the same idea, itself no reply
}

// Simulated is what participants say who are not people. Use its methods: they make many different ones of the few that are written down.
type Simulated struct {
	FirstNames []string       `json:"first_names"`
	LastNames  []string       `json:"last_names"`
	Ideas      []ShortIdea    `json:"ideas"`
	Comments   []ShortComment `json:"comments"`
	groups     []string       // one element for each person of the crowd
	places     []string
}

// ShortIdea is an idea in two sentences. In the file its title has the place "{buurt}" for a neighbourhood.
type ShortIdea struct {
	Title      string   `json:"title"`
	Text       string   `json:"text"`
	Need       string   `json:"need"`
	Innovation []string `json:"innovation"`
	Themes     []string `json:"themes"`
}

// ShortComment is a remark that fits under most ideas.
type ShortComment struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// place is where a neighbourhood goes in the title of a ShortIdea.
const place = "{buurt}"

// groupOrder spreads the groups over simulated people; it is also the order of the protocol.
var groupOrder = []string{"citizen", "civil_society", "firm", "knowledge", "government"}

// Inclusie reads the sample campaign. The error is for whoever changed the file.
func Inclusie() (*Campaign, error) {
	var c Campaign
	d := json.NewDecoder(bytes.NewReader(inclusie))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("sample: reading inclusie.json: %w", err)
	}
	c.Simulated.places = c.Neighbourhoods
	c.Simulated.groups = spread(c.Crowd)
	return &c, nil
}

// spread lists the groups, each as often as its weight says, evenly mixed: any run of the list has about the shares of the whole.
func spread(weights map[string]int) []string {
	total := 0
	for _, g := range groupOrder {
		total += weights[g]
	}
	credit := map[string]int{}
	list := make([]string, 0, total)
	for range total {
		best := ""
		for _, g := range groupOrder {
			credit[g] += weights[g]
			if best == "" || credit[g] > credit[best] {
				best = g
			}
		}
		credit[best] -= total
		list = append(list, best)
	}
	return list
}

// Person is the n-th simulated participant, n from 0. The same n is the same person; names repeat only after all pairs are used.
func (s *Simulated) Person(n int) Person {
	first, last := len(s.FirstNames), len(s.LastNames)
	return Person{
		Name:    s.FirstNames[n%first] + " " + s.LastNames[(n+n/first)%last],
		Group:   s.groups[n%len(s.groups)],
		Channel: "demo",
	}
}

// Idea is the n-th short idea with a neighbourhood in its title, n from 0. Titles repeat only after every idea had every neighbourhood.
func (s *Simulated) Idea(n int) ShortIdea {
	i := s.Ideas[n%len(s.Ideas)]
	i.Title = strings.ReplaceAll(i.Title, place, s.places[(n+n/len(s.Ideas))%len(s.places)])
	return i
}

// Comment is the n-th remark, n from 0.
func (s *Simulated) Comment(n int) ShortComment { return s.Comments[n%len(s.Comments)] }
