// Kiem runs live idea campaigns and roundtables: one program with everything in it.
//
//	kiem serve    the server; embedded storage in --data, or Redis with --redis for several nodes
//	kiem demo     a server with a sample campaign; prints the addresses to open
//	kiem export   writes the results of a campaign into a file, while the server runs or not
//	kiem import   makes a campaign of such a file on another server
//	kiem verify   checks a data directory or a published file
//	kiem backup   copies a data directory while its server runs; kiem restore puts it back
//	kiem admin    talks to the running server of a data directory: sign-in links, status, whether it is ready, profiles
//	kiem bench    measures a server beside what each load physically needs (Linux)
//	kiem version
//
// Every flag can also be given in the environment as KIEM_<FLAG> or in a JSON file named by --config; flags win over the environment, the environment over
// the file. `kiem <command> --help` lists them.
//
// # Files
//
// The data directory holds the journal (with its lock, its witness and its space reserve), vault.db with personal data and keys, sessions.db, and admin.sock, by
// which `kiem admin` reaches the running server. docs/operations.md says what to back up, and what each error asks for.
//
// # Exit codes
//
//	0   ended as asked
//	1   could not do what was asked
//	2   a flag, an environment variable or the configuration file is wrong
//	75  a write to stable storage failed: nothing more was acknowledged; start again, the journal is replayed
//	78  a setting is unsafe: Redis does not keep what it acknowledges, or the admin token is too short
package main
