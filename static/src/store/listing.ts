/**
 * A listing is the order in which ideas stand on the screen. It changes only when the person asks for it: new ideas of others wait behind a
 * pill, a changed tally moves nothing, and an idea that is withdrawn keeps its place until the list is made again. One's own new ideas come on top at
 * once.
 */
import { computed, effect, signal, untracked } from "@preact/signals";
import type { Idea } from "../protocol.ts";
import type { Room } from "./room.ts";

export type Sort = "new" | "votes" | "quiet";
export interface Query {
	text: string;
	theme: string;
	node: string;
	sort: Sort;
}

export const everything: Query = { text: "", theme: "", node: "", sort: "new" };

export class Listing {
	readonly query = signal<Query>(everything);
	readonly shown = signal<readonly string[]>([]);
	private held = signal<readonly string[]>([]);
	/** How many new ideas wait. */
	readonly fresh = computed(() => this.held.value.length);
	private considered = 0;
	private started = false;
	readonly stop: () => void;

	constructor(
		private room: Room,
		private wants: (i: Idea) => boolean = (i) => i.status === "posted" || (i.status !== "gone" && room.isMine(i)),
	) {
		this.stop = effect(() => {
			const ids = room.board.ids.value;
			void room.mine.value;
			untracked(() => this.take(ids));
		});
	}

	/** Makes the list anew. */
	refresh(): void {
		const q = this.query.value;
		const list: Idea[] = [];
		for (const id of this.room.board.ids.value) {
			const i = this.room.board.known(id);
			if (i && this.wants(i) && matches(i, q)) list.push(i);
		}
		this.considered = this.room.board.ids.value.length;
		this.held.value = [];
		this.shown.value = sorted(list, q.sort).map((i) => i.id);
	}

	ask(change: Partial<Query>): void {
		this.query.value = { ...this.query.value, ...change };
		this.refresh();
	}

	private take(ids: readonly string[]): void {
		if (!this.started) {
			if (ids.length === 0) return;
			this.started = true;
			this.refresh();
			return;
		}
		const shown = new Set(this.shown.value);
		const held = new Set(this.held.value);
		for (const id of ids.slice(this.considered)) {
			const i = this.room.board.known(id);
			if (i && this.wants(i) && matches(i, this.query.value)) held.add(id);
		}
		this.considered = ids.length;
		const own = [...held].filter((id) => {
			const i = this.room.board.known(id);
			return i && this.room.isMine(i);
		});
		for (const id of own) held.delete(id);
		if (own.length) this.shown.value = [...own.filter((id) => !shown.has(id)), ...this.shown.value];
		if (held.size !== this.held.value.length) this.held.value = [...held];
	}
}

export function matches(i: Idea, q: Query): boolean {
	if (q.theme && !i.themes.includes(q.theme)) return false;
	if (q.node && !i.nodes.includes(q.node)) return false;
	const text = plain(q.text.trim());
	return !text || text.split(/\s+/).every((word) => plain(`${i.title} ${i.text} ${i.need}`).includes(word));
}

/** Lower case, without accents. */
export function plain(text: string): string {
	return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export function sorted(list: Idea[], sort: Sort): Idea[] {
	// Times are compared as times: as text, a whole second stands after its fractions.
	const posted = new Map(list.map((i) => [i, Date.parse(i.posted_at)]));
	const newest = (a: Idea, b: Idea) => posted.get(b)! - posted.get(a)!;
	const by: Record<Sort, (a: Idea, b: Idea) => number> = {
		new: newest,
		votes: (a, b) => b.support.total - a.support.total || newest(a, b),
		quiet: (a, b) => attention(a) - attention(b) || newest(a, b),
	};
	return [...list].sort((a, b) => Number(b.pinned ?? false) - Number(a.pinned ?? false) || by[sort](a, b));
}

const attention = (i: Idea) => i.support.total + 2 * i.comments.length;
