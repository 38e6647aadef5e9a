package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"kiem/hub/journal"
)

// Exit codes. Others are the shell's.
const (
	exitOK         = 0
	exitFailure    = 1
	exitUsage      = 2                      // a flag, an environment variable or the configuration file is wrong
	exitPoisoned   = journal.ExitPoisoned   // a write to stable storage failed: start again, the journal is replayed
	exitNotDurable = journal.ExitNotDurable // Redis does not keep what it acknowledges, or another setting is unsafe
)

// cli is every command with its flags; each flag can also stand in the environment or in the file that --config names (JSON).
type cli struct {
	Config  kong.ConfigFlag `help:"Read flags from this JSON file." placeholder:"FILE"`
	Serve   serveCmd        `cmd:"" default:"withargs" help:"Run the server."`
	Demo    demoCmd         `cmd:"" help:"Run a server with a sample campaign and print the addresses to open."`
	Export  exportCmd       `cmd:"" help:"Write the results of a campaign into a file."`
	Import  importCmd       `cmd:"" help:"Make a campaign on a server of a zip that export made."`
	Bench   benchCmd        `cmd:"" help:"Measure what a server costs, beside what each load physically needs."`
	Admin   adminCmd        `cmd:"" help:"Talk to the running server of a data directory."`
	Verify  verifyCmd       `cmd:"" help:"Check a data directory, a backup or a published file: chain, checksums, witness, and every tally by a recount."`
	Backup  backupCmd       `cmd:"" help:"Copy a data directory while its server runs: the journal, and its keys apart."`
	Restore restoreCmd      `cmd:"" help:"Put a backup into an empty data directory and verify it."`
	Version versionCmd      `cmd:"" help:"Print the version."`
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// program is what commands get besides their flags.
type program struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
}

// run is the program with its outside passed in.
func run(args []string, stdout, stderr io.Writer) int { return runWith(args, stdout, stderr, nil) }

func runWith(args []string, stdout, stderr io.Writer, p *parts) int {
	code := -1
	var c cli
	c.Serve.parts = p
	parser, err := kong.New(&c,
		kong.Name("kiem"), kong.Description("Live idea campaigns and roundtables."),
		kong.Writers(stdout, stderr), kong.Exit(func(n int) { code = n }),
		kong.Configuration(kong.JSON), kong.DefaultEnvars("KIEM"),
	)
	if err != nil {
		fmt.Fprintln(stderr, "kiem:", err)
		return exitUsage
	}
	command, err := parser.Parse(args)
	if code >= 0 { // --help
		return code
	}
	if err != nil {
		fmt.Fprintln(stderr, "kiem:", err)
		fmt.Fprintln(stderr, "`kiem --help` lists the commands and flags.")
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err = command.Run(&program{ctx: ctx, stdout: stdout, stderr: stderr})
	return exitCode(err, stderr)
}

func exitCode(err error, stderr io.Writer) int {
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "kiem:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "kiem:", err)
	switch {
	case errors.Is(err, journal.ErrPoisoned):
		return exitPoisoned
	case errors.Is(err, journal.ErrNotDurable), errors.Is(err, errUnsafe):
		return exitNotDurable
	}
	return exitFailure
}

// usageError is a setting that cannot be.
type usageError string

func (e usageError) Error() string { return string(e) }

// errUnsafe is a setting that would disarm a promise without saying so.
var errUnsafe = errors.New("unsafe setting")

type versionCmd struct{}

func (versionCmd) Run(p *program) error {
	_, err := fmt.Fprintln(p.stdout, "kiem", versionText())
	return err
}

// versionText is the version and the revision that the program was built of, as far as the build knows them.
func versionText() string {
	version, revision := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	return version + revision
}

// newLogger writes to stderr; text for people, JSON for collectors.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo // kong has checked the word
	}
	o := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
