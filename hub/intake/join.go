package intake

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// maxCode is the longest code to join with, in characters, as people type it without spaces and dashes.
const maxCode = 16

// JoinRequest is the body of POST /join in normal form.
type JoinRequest struct {
	Code         string // upper case, no spaces or dashes
	Name         string // at most campaign.MaxName characters; empty: the campaign finds one
	Organisation string // may be empty
	Group        string // as declared; empty: the first of the campaign's list
	Channel      string // where the link was found
	Entrepreneur bool
	Key          id.ID // the same key again: the same participant
	HasKey       bool
}

// Join reads the body of POST /join.
func Join(o wire.Object) (JoinRequest, *machine.Refusal) {
	o.Need("code")
	j := JoinRequest{
		Code:         Code(o.String("code")),
		Name:         line(o.String("name")),
		Organisation: line(o.String("organisation")),
		Group:        line(o.String("group")),
		Channel:      line(o.String("channel")),
		Entrepreneur: o.Bool("entrepreneur"),
		Key:          o.ID("key"),
	}
	j.HasKey = !j.Key.IsZero()
	if f := o.Done(); f != nil {
		return JoinRequest{}, Refusal(f)
	}
	if j.Code == "" {
		return JoinRequest{}, machine.Refuse(wire.BadRequest, "code", "bad_code")
	}
	if j.Name != "" {
		if r := checkName("name", j.Name); r != nil {
			return JoinRequest{}, r
		}
	}
	if j.Organisation != "" {
		if r := checkName("organisation", j.Organisation); r != nil {
			return JoinRequest{}, r
		}
	}
	return j, nil
}

// Name is the normal form of a name that may be left out.
func Name(s string) (string, *machine.Refusal) {
	s = line(s)
	if s == "" {
		return "", nil
	}
	return s, checkName("name", s)
}

// Code is the normal form of a code to join with, however it was typed: upper case, without spaces and dashes; "" if it cannot be one.
func Code(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			b.WriteRune(c)
		case c >= 'a' && c <= 'z':
			b.WriteRune(c - 'a' + 'A')
		case !unicode.IsSpace(c) && !unicode.Is(unicode.Pd, c):
			return ""
		}
		if b.Len() > maxCode {
			return ""
		}
	}
	return b.String()
}

// checkPerson judges what goes to the vault.
func checkPerson(name, organisation string) *machine.Refusal {
	if name == "" {
		return machine.Refuse(wire.BadRequest, "name", string(ideas.FaultEmpty))
	}
	if r := checkName("name", name); r != nil {
		return r
	}
	if organisation == "" {
		return nil
	}
	return checkName("organisation", organisation)
}

func checkName(field, s string) *machine.Refusal {
	if f := ideas.CheckName(s); f != "" {
		return machine.Refuse(wire.BadRequest, field, string(f))
	}
	if utf8.RuneCountInString(s) > campaign.MaxName {
		return machine.Refuse(wire.TooLarge, field, "too_long").With("max", strconv.Itoa(campaign.MaxName))
	}
	return nil
}
