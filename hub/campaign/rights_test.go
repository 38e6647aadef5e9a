package campaign_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"kiem/hub/campaign"
	"kiem/hub/machine"
	"kiem/hub/wire"
	"kiem/id"
)

// permissions is who may do what, written down a second time and not taken from the code. For each command the stages in which it is open to
// participants, and for each role:
//
//	Y yes, in any stage   O on what is one's own   P only in those stages   OP both   - no
//
// The declared group is never a privilege: every group of participants is held to the same column.
const permissions = `
	command             | open in              | observer | participant | facilitator | organiser
	idea.post           | collect              | -        | P           | Y           | Y
	idea.edit           | collect refine       | -        | OP          | Y           | Y
	idea.retract        |                      | -        | O           | O           | O
	idea.report         |                      | -        | Y           | Y           | Y
	idea.moderate       |                      | -        | -           | Y           | Y
	idea.answer         |                      | -        | -           | -           | Y
	support.set         | collect refine vote  | -        | P           | P           | -
	comment.post        | collect refine vote  | -        | P           | Y           | Y
	comment.edit        | collect refine vote  | -        | OP          | O           | O
	comment.retract     |                      | -        | O           | O           | O
	comment.moderate    |                      | -        | -           | Y           | Y
	stage.set           |                      | -        | -           | Y           | Y
	participant.remove  |                      | -        | -           | Y           | Y
	participant.mute    |                      | -        | -           | Y           | Y
	participant.rename  |                      | O        | O           | Y           | Y
	role.grant          |                      | -        | -           | -           | Y
	role.revoke         |                      | -        | -           | -           | Y
	campaign.edit       |                      | -        | -           | -           | Y
	person.erased       |                      | O        | O           | O           | O`

// mutedMayNot is what a muted participant may not do besides.
var mutedMayNot = []string{campaign.IdeaPost, campaign.IdeaEdit, campaign.CommentPost, campaign.CommentEdit}

type permission struct {
	open []string
	role map[campaign.Role]string
}

func readPermissions(t *testing.T) map[string]permission {
	t.Helper()
	table := map[string]permission{}
	var head []string
	for _, line := range strings.Split(strings.TrimSpace(permissions), "\n") {
		cells := strings.Split(line, "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if head == nil {
			head = cells
			continue
		}
		p := permission{open: strings.Fields(cells[1]), role: map[campaign.Role]string{}}
		for i := 2; i < len(head); i++ {
			p.role[campaign.Role(head[i])] = cells[i]
		}
		table[cells[0]] = p
	}
	return table
}

// cast is who is in the hall: everybody has posted an idea and a comment before they became what they are.
var cast = []struct {
	name string
	role campaign.Role // "": may do nothing
}{
	{"carla", campaign.Participant}, {"fatma", campaign.Participant}, {"sara", campaign.Participant}, {"kim", campaign.Participant},
	{"gita", campaign.Participant}, {"oscar", campaign.Observer}, {"fay", campaign.Facilitator}, {"otto", campaign.Organiser},
	{"chris", ""}, // removed
	{"coen", ""},  // erased
	{"sven", ""},  // never joined
	{"cem", campaign.Participant},
}

// hall prepares the case in a stage, and tells each person's idea and comment.
func hall(t *testing.T, stage string) (r *room, idea, comment map[string]id.ID) {
	r = open(t, nil)
	idea, comment = map[string]id.ID{}, map[string]id.ID{}
	for _, c := range append(slices.Clone(cast), struct {
		name string
		role campaign.Role
	}{"cleo", campaign.Participant}) {
		if c.name == "sven" {
			continue
		}
		r.must(r.apply(r.command(campaign.Join, c.name, &campaign.JoinData{Group: groupOf(c.name)})))
		idea[c.name] = r.post(c.name, "Idee van "+c.name)
		comment[c.name] = r.comment(c.name, idea[c.name], "Van mij")
		if c.role != campaign.Participant && c.role != "" {
			r.must(r.send(r.command(campaign.RoleGrant, "olga", &campaign.ParticipantData{Participant: person(c.name), Role: string(c.role), Reason: by("olga", "")})))
		}
	}
	r.must(r.about(campaign.ParticipantRemove, "olga", "chris"))
	r.must(r.send(r.command(campaign.ParticipantMute, "olga", &campaign.ParticipantData{Participant: person("cem"), Muted: true, Reason: by("olga", "")})))
	r.must(r.about(campaign.PersonErased, "coen", "coen"))
	r.stage(stage)
	return r, idea, comment
}

// attempt makes the command of that type by one person on what is their own or another's.
func attempt(r *room, kind, name, of string, idea, comment id.ID) *machine.Command {
	reason := by(name, "omdat")
	switch kind {
	case campaign.IdeaPost:
		return r.command(kind, name, ideaData(name, "Nog een"))
	case campaign.IdeaEdit:
		return r.command(kind, name, &campaign.IdeaData{Idea: idea, Changes: []string{"title"}, Title: by(name, "Anders"), Reason: reason})
	case campaign.IdeaModerate:
		return r.command(kind, name, &campaign.ActData{Idea: idea, Action: "hide", Reason: reason})
	case campaign.IdeaAnswer:
		return r.command(kind, name, &campaign.ActData{Idea: idea, Action: "accepted", Reason: reason})
	case campaign.IdeaRetract, campaign.IdeaReport:
		return r.command(kind, name, &campaign.ActData{Idea: idea, Reason: reason})
	case campaign.SupportSet:
		return r.command(kind, name, &campaign.SupportData{Idea: idea, Value: 1})
	case campaign.CommentPost:
		return r.command(kind, name, &campaign.CommentData{Idea: idea, Kind: "concern", Text: by(name, "Maar wie betaalt?")})
	case campaign.CommentEdit:
		return r.command(kind, name, &campaign.CommentData{Comment: comment, Kind: "concern", Text: by(name, "Anders")})
	case campaign.CommentModerate:
		return r.command(kind, name, &campaign.ActData{Comment: comment, Action: "hide", Reason: reason})
	case campaign.CommentRetract:
		return r.command(kind, name, &campaign.ActData{Comment: comment, Reason: reason})
	case campaign.StageSet:
		return r.command(kind, name, &campaign.StageData{Stage: "vote"})
	case campaign.CampaignEdit:
		title := "Anders"
		return r.command(kind, name, &campaign.EditData{Title: &title})
	}
	return r.command(kind, name, &campaign.ParticipantData{Participant: person(of), Role: "participant", Muted: true, Reason: reason})
}

// TestPermissions tries every command by everybody, on what is their own and on another's, in every stage, against the table. Check and Apply say
// the same; what is refused leaves the state as it was.
func TestPermissions(t *testing.T) {
	table := readPermissions(t)
	cases, allowed := 0, 0
	for _, stage := range []string{"draft", "collect", "refine", "vote", "result"} {
		r, idea, comment := hall(t, stage)
		snapshot := r.m.Snapshot()
		for kind, p := range table {
			for _, c := range cast {
				for _, own := range []bool{true, false} {
					of := "cleo"
					if own {
						of = c.name
					}
					if own && c.name == "sven" && kind != campaign.PersonErased {
						continue // has nothing
					}
					cell := p.role[c.role]
					may := cell == "Y" || cell == "P" || own && strings.HasPrefix(cell, "O")
					if strings.HasSuffix(cell, "P") && !slices.Contains(p.open, stage) {
						may = false
					}
					switch c.name {
					case "cem":
						may = may && !slices.Contains(mutedMayNot, kind)
					case "chris":
						may = own && kind == campaign.PersonErased // a removed person keeps the right to be erased
					}
					if kind == campaign.IdeaPost && !own {
						continue // there is no other's
					}
					cases++
					if may {
						allowed++
					}
					if err := r.m.Restore(snapshot); err != nil {
						t.Fatal(err)
					}
					command := attempt(r, kind, c.name, of, idea[of], comment[of])
					state := r.m.StateDigest()
					checked := r.m.Check(command, r.at)
					if (checked == nil) != may {
						t.Errorf("Check: %s by %s (%s), own %v, in %s: %v, want allowed %v", kind, c.name, c.role, own, stage, checked, may)
					}
					if r.m.StateDigest() != state {
						t.Fatalf("Check of %s changed the state", kind)
					}
					if kind == campaign.SupportSet {
						continue // the machine does not know who votes: the room judges, see TestStaleVotes
					}
					o := r.apply(command)
					if (o.Refusal == nil) != may {
						t.Errorf("Apply: %s by %s (%s), own %v, in %s: %s, want allowed %v", kind, c.name, c.role, own, stage, said(o), may)
					}
					if o.Refusal != nil {
						if checked != nil && (o.Refusal.Code != checked.Code || o.Refusal.Reason != checked.Reason) {
							t.Errorf("%s by %s: Check says %v, Apply %v", kind, c.name, checked, o.Refusal)
						}
						if !slices.Contains([]wire.Code{wire.Forbidden, wire.PhaseClosed, wire.NotFound}, o.Refusal.Code) {
							t.Errorf("%s by %s: refused with %s", kind, c.name, o.Refusal.Code)
						}
						if r.m.StateDigest() != state || len(o.Events) > 0 {
							t.Errorf("%s by %s in %s: refused, and something changed", kind, c.name, stage)
						}
					}
				}
			}
		}
	}
	t.Logf("%d cases, %d of them allowed", cases, allowed)
}

// TestRightsAreListed: what is printed and what clients are told is the table, and what it does not name nobody may.
func TestRightsAreListed(t *testing.T) {
	table := readPermissions(t)
	matrix := campaign.Matrix()
	if got, want := slices.Sorted(maps.Keys(matrix)), slices.Sorted(maps.Keys(table)); !slices.Equal(got, want) {
		t.Errorf("the matrix has %v, want %v", got, want)
	}
	for kind, p := range table {
		for role, cell := range p.role {
			holds := cell != "-"
			if role.Holds(kind) != holds {
				t.Errorf("%s holds %s: %v", role, kind, !holds)
			}
			if listed := slices.Contains(role.Rights(), kind); listed != (holds && kind != campaign.PersonErased) {
				t.Errorf("%s is told of %s: %v", role, kind, listed)
			}
			printed := string(role)
			if strings.HasPrefix(cell, "O") {
				printed += " (own)"
			}
			if slices.Contains(matrix[kind], printed) != holds {
				t.Errorf("%s of %s is printed as %v", role, kind, matrix[kind])
			}
		}
		if campaign.NewData(kind) == nil {
			t.Errorf("there is no data for %s", kind)
		}
	}
	for _, kind := range []string{"", "round.open", "idea.delete", "checkpoint", "IDEA.POST"} {
		for _, role := range campaign.Roles {
			if role.Holds(kind) {
				t.Errorf("%s holds %q", role, kind)
			}
		}
		r := open(t, nil)
		c := r.command(kind, "olga", nil)
		if refusal := r.m.Check(c, r.at); refusal == nil || refusal.Code != wire.BadRequest {
			t.Errorf("Check of %q: %v", kind, refusal)
		}
		if o := r.apply(c); o.Refusal == nil {
			t.Errorf("Apply of %q is done", kind)
		}
	}
}

// TestOrganisersStay: a facilitator cannot act on an organiser, nobody on the last one, and what becomes of a role takes effect with its entry.
func TestOrganisersStay(t *testing.T) {
	r := open(t, nil, "fay", "finn", "carla")
	for _, kind := range []string{campaign.ParticipantRemove, campaign.ParticipantMute} {
		r.refused(r.about(kind, "fay", "olga"), "forbidden participant no_right")
	}
	r.refused(r.about(campaign.ParticipantRemove, "olga", "olga"), "conflict participant last_organiser")
	r.refused(r.about(campaign.RoleRevoke, "olga", "olga"), "conflict participant last_organiser")
	r.refused(r.send(r.command(campaign.RoleGrant, "olga", &campaign.ParticipantData{Participant: person("olga"), Role: "observer", Reason: by("olga", "")})),
		"conflict participant last_organiser")
	r.refused(r.send(r.command(campaign.RoleGrant, "olga", &campaign.ParticipantData{Participant: person("carla"), Role: "king", Reason: by("olga", "")})),
		"bad_request role bad_role")

	r.join("otto")
	r.must(r.about(campaign.ParticipantRemove, "otto", "olga")) // there is another
	r.refused(r.about(campaign.ParticipantRemove, "olga", "carla"), "forbidden not_joined")
	r.refused(r.about(campaign.RoleRevoke, "otto", "otto"), "conflict participant last_organiser")

	r.must(r.about(campaign.ParticipantRemove, "fay", "finn")) // facilitators may
	r.refused(r.about(campaign.ParticipantRemove, "finn", "fay"), "forbidden not_joined")
	r.refused(r.about(campaign.ParticipantRemove, "fay", "sven"), "not_found participant no_participant")
	if o := r.must(r.about(campaign.RoleRevoke, "otto", "fay")); !o.Events[0].Recut || o.Events[0].To != person("fay") {
		t.Errorf("fay's connections do not start anew: %+v", o.Events)
	}
	r.refused(r.about(campaign.ParticipantRemove, "fay", "carla"), "forbidden no_right")
}
