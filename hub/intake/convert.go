// Package intake turns what a client sent into what a machine takes: a command of the wire into a command of the campaign's machine.
//
// It is the one place where fields of clients get a meaning, the same for the socket, HTTP and batches. For each type of command stands here which
// fields a client may send; every other field is refused, also those that the machine's structs have and only the server may set (groups and strata
// of votes, times of the schedule, states, authors). Types that only Kiem sends are as unknown as any other.
//
// What is decided here depends on the shape of the message alone: types of fields, presence, and the normal form of lines (NFC, no white
// space around). Lengths, vocabularies, rights and stages are the machine's to judge. Only names and organisations are judged in full, because
// they go to the vault and no machine sees them.
//
// Everything is pure: no clock, no randomness; the ids that the server makes are put in by the caller.
package intake

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
	"kiem/ideas"
)

// Context is what the meaning of a command depends on beside the command.
type Context struct {
	Actor     id.ID                     // the participant who sent it, votes too: the room puts the pseudonym in
	Settings  func() campaign.Settings  // as they are now: campaign.edit names what changes
	Challenge func() campaign.Challenge // as it is now; nil: campaign.edit must bring a whole one
}

// Converted is a command for the machine and what goes beside it.
type Converted struct {
	// Command lacks its Tag, and its ID if the client sent none.
	Command *machine.Command
	// Content is what the command says, for its keyed tag: the same bytes whenever a client sends the same command again, other bytes if it
	// says anything else. It is plain text: nothing but the tag of it may be kept.
	Content []byte

	// Of participant.rename: for the vault, before the command is appended.
	Name            string
	Organisation    string
	HasOrganisation bool // false: it stays as it is
}

// Convert reads the data of a command. The command must not have been used before: its data is taken once.
func Convert(ctx Context, c *wire.Command) (Converted, *machine.Refusal) {
	if c.Fault != nil {
		return Converted{}, Refusal(c.Fault)
	}
	if c.Type == campaign.SupportSet {
		return support(ctx, c)
	}
	read, ok := readers[c.Type]
	if !ok {
		return Converted{}, machine.Refuse(wire.BadRequest, "type", "unknown_type")
	}
	v := Converted{Command: &machine.Command{Type: c.Type, ID: c.ID, Actor: ctx.Actor, Lane: c.Lane, N: c.N}}
	data, refused := read(ctx, c.Type, c.Data, &v)
	if f := c.Data.Done(); f != nil {
		return Converted{}, Refusal(f)
	}
	if refused != nil {
		return Converted{}, refused
	}
	v.Command.Data = data
	v.Content = c.Data.AppendCanonical(append(append(make([]byte, 0, 256), c.Type...), 0))
	return v, nil
}

// reader takes the fields of one type of command. Faults of fields stay in the data, which the caller asks.
type reader func(ctx Context, kind string, o wire.Object, v *Converted) (any, *machine.Refusal)

// readers are the commands that clients may send to a campaign; support.set stands apart.
var readers = map[string]reader{
	campaign.IdeaPost:          ideaPost,
	campaign.IdeaEdit:          ideaEdit,
	campaign.IdeaRetract:       ideaAct,
	campaign.IdeaReport:        ideaAct,
	campaign.IdeaModerate:      ideaAct,
	campaign.IdeaAnswer:        ideaAct,
	campaign.CommentPost:       commentPost,
	campaign.CommentEdit:       commentEdit,
	campaign.CommentRetract:    commentAct,
	campaign.CommentModerate:   commentAct,
	campaign.StageSet:          stageSet,
	campaign.ParticipantRemove: participant,
	campaign.ParticipantMute:   participant,
	campaign.ParticipantRename: rename,
	campaign.RoleGrant:         participant,
	campaign.RoleRevoke:        participant,
	campaign.CampaignEdit:      campaignEdit,
}

// Types lists the types of commands that Convert knows, sorted.
func Types() []string {
	list := []string{campaign.SupportSet}
	for kind := range readers {
		list = append(list, kind)
	}
	slices.Sort(list)
	return list
}

// vote is all that a support.set needs, in one piece of memory: it is the command that comes by the thousands.
type vote struct {
	command machine.Command
	data    campaign.SupportData
	content [32]byte
}

func support(ctx Context, c *wire.Command) (Converted, *machine.Refusal) {
	d := c.Data
	d.Need("idea", "value")
	idea, value := d.ID("idea"), d.Int("value")
	if f := d.Done(); f != nil {
		return Converted{}, Refusal(f)
	}
	if value < -1 || value > 1 {
		return Converted{}, machine.Refuse(wire.BadRequest, "value", "bad_value")
	}
	v := &vote{
		command: machine.Command{Type: campaign.SupportSet, ID: c.ID, Actor: ctx.Actor, Lane: c.Lane, N: c.N},
		data:    campaign.SupportData{Idea: idea, Value: int8(value)},
	}
	v.command.Data = &v.data
	content := append(append(v.content[:0], campaign.SupportSet...), 0)
	content = append(append(content, idea[:]...), byte(value))
	return Converted{Command: &v.command, Content: content}, nil
}

func ideaPost(ctx Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("title")
	d := ideaFields(ctx, o)
	d.From = o.IDs("from")
	return d, nil
}

// ideaFields takes what an idea is made of.
func ideaFields(ctx Context, o wire.Object) *campaign.IdeaData {
	d := &campaign.IdeaData{
		Title:      ideas.NewText(ctx.Actor, line(o.String("title"))),
		Text:       ideas.NewText(ctx.Actor, o.String("text")),
		Need:       ideas.NewText(ctx.Actor, o.String("need")),
		Reason:     ideas.NewText(ctx.Actor, ""),
		Themes:     lines(o.Strings("themes")),
		Nodes:      o.Strings("nodes"),
		Innovation: o.Strings("innovation"),
	}
	if !o.Null("definition") && o.Has("definition") {
		of := o.Object("definition")
		of.Need("need", "novelty")
		d.Definition = &ideas.Definition{Need: of.Bool("need"), Novelty: of.Bool("novelty")}
	}
	return d
}

// changeable are the fields that idea.edit may change; null takes a definition back.
var changeable = []string{"title", "text", "need", "themes", "nodes", "innovation", "definition"}

func ideaEdit(ctx Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("idea")
	d := ideaFields(ctx, o)
	d.Idea = o.ID("idea")
	d.Reason = ideas.NewText(ctx.Actor, o.String("reason"))
	for _, field := range changeable {
		if o.Has(field) {
			d.Changes = append(d.Changes, field)
		}
	}
	if len(d.Changes) == 0 {
		return nil, machine.Refuse(wire.BadRequest, "", "nothing_changes")
	}
	return d, nil
}

func ideaAct(ctx Context, kind string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("idea")
	d := &campaign.ActData{Idea: o.ID("idea"), Reason: ideas.NewText(ctx.Actor, o.String("reason"))}
	action(kind, o, d)
	return d, nil
}

func commentAct(ctx Context, kind string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("comment")
	d := &campaign.ActData{Comment: o.ID("comment"), Reason: ideas.NewText(ctx.Actor, o.String("reason"))}
	action(kind, o, d)
	return d, nil
}

// action takes what a moderation does, or an answer's status.
func action(kind string, o wire.Object, d *campaign.ActData) {
	field := ""
	switch kind {
	case campaign.IdeaModerate, campaign.CommentModerate:
		field = "action"
	case campaign.IdeaAnswer:
		field = "status"
	default:
		return
	}
	o.Need(field)
	d.Action = o.String(field)
}

func commentPost(ctx Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("idea", "kind", "text")
	return &campaign.CommentData{
		Idea: o.ID("idea"), ReplyTo: o.ID("reply_to"), Kind: o.String("kind"),
		Text: ideas.NewText(ctx.Actor, o.String("text")),
	}, nil
}

func commentEdit(ctx Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("comment", "kind", "text")
	return &campaign.CommentData{
		Comment: o.ID("comment"), Kind: o.String("kind"), Text: ideas.NewText(ctx.Actor, o.String("text")),
	}, nil
}

func stageSet(_ Context, _ string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("stage")
	return &campaign.StageData{Stage: o.String("stage")}, nil
}

func participant(ctx Context, kind string, o wire.Object, _ *Converted) (any, *machine.Refusal) {
	o.Need("participant")
	d := &campaign.ParticipantData{
		Participant: o.ID("participant"), Reason: ideas.NewText(ctx.Actor, o.String("reason")),
	}
	switch kind {
	case campaign.ParticipantMute:
		d.Muted = !o.Has("muted") || o.Bool("muted")
	case campaign.RoleGrant:
		o.Need("role")
		d.Role = o.String("role")
	}
	return d, nil
}

func rename(ctx Context, _ string, o wire.Object, v *Converted) (any, *machine.Refusal) {
	o.Need("name")
	d := &campaign.ParticipantData{Participant: ctx.Actor, Reason: ideas.NewText(ctx.Actor, "")}
	if o.Has("participant") {
		d.Participant = o.ID("participant")
	}
	v.Name = line(o.String("name"))
	v.Organisation, v.HasOrganisation = line(o.String("organisation")), o.Has("organisation")
	return d, checkPerson(v.Name, v.Organisation)
}

// Refusal gives a fault of the wire the form that machines give theirs.
func Refusal(f *wire.Fault) *machine.Refusal {
	r := machine.Refuse(f.Code, f.Field, f.Reason)
	if f.Max > 0 {
		return r.With("max", strconv.Itoa(f.Max))
	}
	return r
}

// line is the normal form of what is one line: a title, a name, a theme.
func line(s string) string { return norm.NFC.String(strings.TrimSpace(s)) }

func lines(list []string) []string {
	for n := range list {
		list[n] = line(list[n])
	}
	return list
}
