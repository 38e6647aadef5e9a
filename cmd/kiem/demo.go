package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"kiem/cmd/kiem/sample"
	"kiem/hub"
	"kiem/hub/campaign"
	"kiem/hub/directory"
	"kiem/hub/machine"
	"kiem/id"
	"kiem/ideas"
)

type demoCmd struct {
	settings
	Addr   string `default:"127.0.0.1:8080" help:"Address to listen on; the next free port if it is taken. Use 0.0.0.0:8080 to join with a phone." placeholder:"HOST:PORT"`
	People int    `help:"How many simulated participants take part, over real sockets." placeholder:"N"`
}

// demoCampaign is the same at every start, so that a demo that is started again goes on where it was.
var demoCampaign = id.Derive(id.ID{}, "kiem", "demo", "inclusie")

// projectorValid is how long the projector's address that the demo prints may be used.
const projectorValid = 30 * 24 * time.Hour

// portTries is how many ports are tried after the one that was asked for.
const portTries = 20

// Run serves the sample campaign until it is told to stop.
func (c *demoCmd) Run(p *program) error {
	if c.Data == "kiem-data" {
		c.Data = "kiem-demo"
	}
	if err := c.check(); err != nil {
		return err
	}
	if c.LogLevel == "info" {
		c.LogLevel = "warn" // the addresses are what the reader looks for
	}
	log := newLogger(p.stderr, c.LogLevel, c.LogFormat)
	listener, err := listenNear(c.Addr)
	if err != nil {
		return err
	}
	n, err := c.open(p.ctx, log)
	defer n.close()
	if err != nil {
		_ = listener.Close()
		return err
	}
	closeAdmin, err := n.serveAdmin(c.Data, c.base(listener))
	if err != nil {
		_ = listener.Close()
		return err
	}
	defer closeAdmin()
	fmt.Fprintln(p.stdout, "Loading the sample campaign …")
	code, err := loadSample(p.ctx, n.hub)
	if err != nil {
		_ = listener.Close()
		return fmt.Errorf("sample campaign: %w", err)
	}
	if err := c.print(p, n, listener, code); err != nil {
		_ = listener.Close()
		return err
	}
	ctx, stop := context.WithCancel(p.ctx)
	defer stop()
	var crowd sync.WaitGroup
	if c.People > 0 {
		crowd.Go(func() { runCrowd(ctx, log, addresses(listener)[0], code, c.People) })
	}
	err = n.serve(ctx, []net.Listener{listener}, c.Drain)
	stop()
	crowd.Wait()
	return err
}

func (c *demoCmd) print(p *program, n *node, l net.Listener, code string) error {
	base := c.base(l)
	signIn, err := n.signInLink(p.ctx, base)
	if err != nil {
		return err
	}
	secret, refusal, err := n.hub.Directory().MakeLink(p.ctx, hub.NewLink{
		Kind: directory.Invite, By: directory.Admin, Campaign: demoCampaign, Role: string(campaign.Observer), Valid: projectorValid, Uses: 100,
	})
	switch {
	case err != nil:
		return err
	case refusal != nil:
		return refusal
	}
	fmt.Fprintf(p.stdout, `
Kiem runs at %s, with the campaign "Inclusie en verstedelijking".

  Take part        %s/j/%s
                   (code %s %s)
  Projector        %s/invite#%s
  Organiser        %s
                   (signs in once; another: kiem admin link --data %s)

Everything is kept in %s. Ctrl-C stops the server.
`, base, base, code, code[:3], code[3:], base, secret, signIn, c.Data, c.Data)
	return nil
}

// listenNear listens on that address, or on one of the next ports if it is taken.
func listenNear(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, usageError("--addr: " + err.Error())
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, usageError("--addr: " + err.Error())
	}
	for n := range portTries {
		l, listenErr := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(number+n)))
		if listenErr == nil {
			return l, nil
		}
		if err = listenErr; number == 0 {
			break
		}
	}
	return nil, fmt.Errorf("listen: %w", err)
}

// loadSample brings the sample campaign in, through the same commands that people send. Every id derives from what it is, so loading it again, or
// going on after a crash, changes nothing that is there.
func loadSample(ctx context.Context, h *hub.Hub) (code string, err error) {
	s, err := sample.Inclusie()
	if err != nil {
		return "", err
	}
	settings := campaign.Defaults()
	code, refusal, err := h.Create(ctx, hub.Owner{Account: directory.Admin, Name: "Stad, dienst Samenleven"}, &campaign.CreateData{
		Campaign: demoCampaign, Title: s.Title, Template: s.Template, Languages: s.Languages, Settings: settings, Stage: "collect",
		Challenge: campaign.Challenge{Title: s.Challenge.Title, Text: s.Challenge.Text, Nodes: s.Challenge.Nodes, Themes: s.Challenge.Themes},
	})
	if err := asError(refusal, err); err != nil {
		return "", err
	}
	room, err := h.Room(ctx, demoCampaign)
	if err != nil {
		return "", err
	}
	l := &loader{ctx: ctx, room: room, byGroup: map[string][]id.ID{}, people: map[string]id.ID{}}
	for _, p := range s.People {
		l.add(p)
	}
	number := 0
	for _, group := range slices.Sorted(maps.Keys(s.Crowd)) {
		for range s.Crowd[group] {
			p := s.Simulated.Person(number)
			p.Group, p.Channel = group, "demo"
			l.addAs(fmt.Sprintf("crowd %d", number), p)
			number++
		}
	}
	if err := l.join(); err != nil {
		return "", err
	}
	for n := range s.Ideas {
		if err := l.idea(n, &s.Ideas[n]); err != nil {
			return "", err
		}
	}
	return code, l.wait()
}

// loader sends the sample's commands, many at a time where their order does not matter.
type loader struct {
	ctx     context.Context
	room    *hub.Room
	joining []hub.Joining
	people  map[string]id.ID
	byGroup map[string][]id.ID

	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (l *loader) add(p sample.Person) { l.people[p.Name] = l.addAs(p.Name, p) }

func (l *loader) addAs(key string, p sample.Person) id.ID {
	self := id.Derive(demoCampaign, "sample", key)
	l.byGroup[p.Group] = append(l.byGroup[p.Group], self)
	l.joining = append(l.joining, hub.Joining{
		Participant: self, Name: p.Name, Organisation: p.Organisation,
		Data: campaign.JoinData{Group: p.Group, Channel: p.Channel, Entrepreneur: p.Entrepreneur},
	})
	return self
}

// joinAtOnce is how many people join at the same time: they share the disk's syncs.
const joinAtOnce = 64

func (l *loader) join() error {
	for batch := range slices.Chunk(l.joining, joinAtOnce) {
		for _, j := range batch {
			l.wg.Go(func() {
				_, refusal, err := l.room.Join(l.ctx, j)
				l.note(asError(refusal, err))
			})
		}
		if err := l.wait(); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) note(err error) {
	if err == nil {
		return
	}
	l.mu.Lock()
	l.errs = append(l.errs, err)
	l.mu.Unlock()
}

func (l *loader) wait() error {
	l.wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// send executes a command; one that was done before is done.
func (l *loader) send(from id.ID, c *machine.Command) error {
	c.Actor = from
	o, err := l.room.Execute(l.ctx, &hub.Pending{From: from, Command: c})
	if o.Refusal != nil && o.Refusal.Code == "duplicate" {
		return err
	}
	return asError(o.Refusal, err)
}

func (l *loader) idea(n int, i *sample.Idea) error {
	author := l.people[i.Author]
	base := id.Derive(demoCampaign, "sample idea", fmt.Sprint(n))
	post := &machine.Command{Type: campaign.IdeaPost, ID: base, Data: &campaign.IdeaData{
		Title: ideas.NewText(author, i.Title), Text: ideas.NewText(author, i.Text), Need: ideas.NewText(author, i.Need), Reason: ideas.NewText(author, ""),
		Themes: i.Themes, Nodes: i.Nodes, Innovation: i.Innovation, Definition: &ideas.Definition{Need: true, Novelty: true},
	}}
	if err := l.send(author, post); err != nil {
		return err
	}
	_, idea := campaign.Made(post)
	made := make([]id.ID, len(i.Comments))
	for k, c := range i.Comments {
		by := l.people[c.Author]
		comment := &machine.Command{Type: campaign.CommentPost, ID: id.Derive(base, "comment", fmt.Sprint(k)), Data: &campaign.CommentData{
			Idea: idea, Kind: c.Kind, Text: ideas.NewText(by, c.Text),
		}}
		if c.ReplyTo != nil {
			comment.Data.(*campaign.CommentData).ReplyTo = made[*c.ReplyTo]
		}
		_, made[k] = campaign.Made(comment)
		if err := l.send(by, comment); err != nil {
			return err
		}
	}
	for _, group := range slices.Sorted(maps.Keys(i.Support)) {
		people := l.byGroup[group]
		for k := range i.Support[group] {
			who := people[(k+7*n)%len(people)] // not the same people for every idea
			l.wg.Go(func() {
				l.note(l.send(who, &machine.Command{
					Type: campaign.SupportSet, ID: id.Derive(base, "support", who.String()), Data: &campaign.SupportData{Idea: idea, Value: 1},
				}))
			})
		}
	}
	return l.wait()
}

func asError(r *machine.Refusal, err error) error {
	if err == nil && r != nil {
		return r
	}
	return err
}
