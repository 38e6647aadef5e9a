// Package voting counts.
//
// Voters are pseudonyms (votes are stored under a keyed hash of the participant), each with the group it declared. The package is
// deterministic and knows neither people nor time; a Support is owned by one machine and is not safe for concurrent use.
//
// # Support
//
// Every participant may support each idea (+1), oppose it where the campaign allows (-1), or neither (0); the newest choice counts. The
// total moves at once. Figures by group are released in steps, because whoever watches them beside the total must not learn how one person
// chose, nor count the supporters in a handful of people:
//
//   - A cell is what is shown under one name: a group of its own, or "other", in which small groups are counted together.
//   - Figures are looked at anew each time that `small` ballots of the idea were cast or changed, never in between: whoever sees the total
//     tick would otherwise know that the last ballot was the one that a figure waited for.
//   - A cell's figure moves only if at least `small` ballots in it were cast or changed since it moved last. One voter's ballot counts
//     once, however often it was changed, and opposing ballots do not count.
//   - A figure is rounded down to a whole number of `small`. What is left of the total after subtracting all figures is then the remainder
//     of every cell together, and not the change in the one cell that did not move. Exact figures would give that away: with
//     two cells, each release of one gives both.
//   - A group has a figure of its own only with at least `small` supporters, and only while those who are left in "other" are nobody or at
//     least `small` themselves; otherwise the group with the smallest figure joins them. While everything together is below `small`,
//     nothing is released.
//
// So figures lag: by up to `small`-1 from rounding, by up to `small`-1 ballots until the next look, and by up to `small`-1 until the
// cell may move. They can exceed what is live by as much when people take support back. With small = 0 figures are live.
//
// What the steps themselves tell remains: of the last ballots so many came from this cell and so many from that one. It helps who can
// tell whose ballot moved the total and when. The tests measure how much (TestSubtraction).
package voting
