// Package export writes what came out of a campaign as a file to take home: CSV, XLSX, JSON, or a zip with a file for each table, a README that explains every
// field, and the campaign's public log. It reads such a zip back too, for import.
//
// # What a file says, and what it must not
//
// Every file states the measure by which it is ordered, the rule, the date, and the entry of the log whose state it shows. The caller renders that state
// (a Report) for whoever asks; nothing here decides who may see what, but for two rules: CSV, XLSX and zip hold posted ideas and comments only, whoever asks,
// because they are made to be passed on; and without Report.Names no file has a name, an organisation or, in tables, an author's id.
//
// Group figures are the released ones (wire.Tally). A figure that no longer fits into its idea's total, because people took their support back since it was
// released, is left out of tables: see figures.go. The rows of ballots.csv are written from these figures, not from the ballots, so they cannot tell more.
//
// # Forms
//
//   - json: wire types, see JSON. Made for programs; a moderator's holds what moderators see.
//   - csv: the table of ideas. UTF-8 with a byte order mark and CRLF; the separator is a semicolon in Dutch, French and German and a comma in English,
//     because that is what a spreadsheet with those settings expects when the file is double-clicked.
//   - xlsx: the tables of ideas, comments and groups, and what the fields mean. Every text is a cell of type text.
//   - zip: see zip.go. Its tables are RFC 4180 with commas and line feeds, without a mark, for programs.
//
// Names of columns are codes that do not change. A spreadsheet takes a cell that begins with one of = + - @ for a formula, so in CSV such a text gets an
// apostrophe in front (text.go says exactly when, and how to take it off again).
//
// Everything is written as it is made: beside the Report, memory does not grow with what is written. There is no clock here and no randomness; the same
// Report gives the same bytes.
package export
