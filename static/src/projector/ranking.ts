/** The list on the screen: the ideas with most support, few enough to be read from afar. */
import type { Idea } from "../protocol.ts";

export interface Place {
	id: string;
	title: string;
	total: number;
}

/** At most so many can be read from the back of a room. */
export const MOST = 7;

/**
 * Ranks posted ideas by support. Ideas that are level keep the order that the screen has, so that nothing swaps without a reason; new ones stand
 * behind, oldest first.
 */
export function ranking(ideas: readonly Idea[], before: readonly Place[] = [], most = MOST): Place[] {
	const was = new Map(before.map((p, n) => [p.id, n]));
	const place = (i: Idea) => was.get(i.id) ?? Number.MAX_SAFE_INTEGER;
	return ideas
		.filter((i) => i.status === "posted" && !i.review)
		.sort((a, b) => b.support.total - a.support.total || place(a) - place(b) || Date.parse(a.posted_at) - Date.parse(b.posted_at))
		.slice(0, most)
		.map((i) => ({ id: i.id, title: i.title, total: i.support.total }));
}
