/**
 * The outbox sends commands so that each takes effect once, whatever happens to the connection, the page or the server.
 *
 * A command has its id from the start and goes onto the shelf before it is sent. What is unanswered when a connection opens is sent again, in order,
 * before anything new: the server knows the id and answers as it did the first time. A command leaves the shelf when it is
 * answered; one that was refused stays there, with its text and the reason, until the person edits it or throws it away.
 *
 * Order is kept by sending only from the front: an entry that is not on the shelf yet, or that the server could not store for the moment, holds up
 * those behind it.
 */
import { signal } from "@preact/signals";
import type { Reply } from "../protocol.ts";
import type { Shelf, Waiting } from "./shelf.ts";

/** What became of a command. */
export type Outcome =
	| { ok: true; seq: number; data: Record<string, unknown> }
	| { ok: false; code: string; message: string; field: string };

export interface Entry extends Waiting {
	/** saving: not on the shelf yet. ready: to be sent. sent: unanswered. done: part of journal entry seq, shown until that is applied here. */
	state: "saving" | "ready" | "sent" | "done" | "refused";
	/** the journal entry that it is part of, once done */
	seq?: number;
	/** kept on the shelf */
	kept: boolean;
	answer?: Record<string, unknown>;
	sentAt?: number;
	tries?: number;
}

/** What the outbox needs of the world. */
export interface Wires {
	/** Sends a frame; false when there is no connection. */
	send(frame: object): boolean;
	/** No answer came for long: the connection is to be made anew. */
	suspect(): void;
	now(): number;
	uuid(): string;
	later(fn: () => void, ms: number): void;
}

/** How many commands are sent without an answer: the server allows bursts of 60. */
const WINDOW = 20;
/** How long an answer may take before the connection is held for dead. */
const PATIENCE_MS = 12_000;
/** How long a command that needs no keeping (a facilitator's) waits for a connection. */
const IMPATIENCE_MS = 8_000;
/** A fault of the server may be in the command: after so many tries it counts as refused. */
const FAULTS = 3;
/** An answered command whose entry never shows up here (a gap that was fetched anew) is no longer shown after this. */
const SETTLE_MS = 5_000;

/** Refusals whose text is worth keeping. */
const written = new Set(["idea.post", "idea.edit", "comment.post", "comment.edit"]);

export class Outbox {
	/** Everything that waits or was refused, in order; for the screen. */
	readonly entries = signal<readonly Entry[]>([]);
	/** Told of each refusal that nobody awaits: after a reload, or of what is not kept. */
	onRefused: (e: Entry) => void = () => {};
	/** Told of what was done and nobody awaits: an earlier page, or another tab that was closed, had given it. */
	onDone: (e: Entry) => void = () => {};

	private list: Entry[] = [];
	private waiters = new Map<string, (o: Outcome) => void>();
	private open = false;
	private paused = false;
	private order = 0;
	/** n of set-type commands: the server lets the newest of a lane win. */
	private n = 0;
	private readonly lane: string;
	private me = "";

	constructor(
		private room: string,
		private shelf: Shelf,
		private wires: Wires,
	) {
		this.lane = wires.uuid();
	}

	/** Takes what an earlier page left on the shelf. me is the participant: what another one left is not sent in this one's name. */
	async load(me: string): Promise<void> {
		if (this.me === me) return;
		this.me = me;
		const kept = await this.shelf.all(this.room).catch(() => []);
		const known = new Set(this.list.map((e) => e.id));
		// What is new comes after what is old, also when the clock of the device was set back in between.
		const newest = kept.reduce((n, w) => (known.has(w.id) ? n : Math.max(n, w.order)), 0);
		this.order = Math.max(this.order, newest);
		for (const e of this.list) {
			e.me ||= me;
			if (e.order > newest) continue;
			e.order = this.next();
			if (e.kept && e.state !== "done") void this.shelf.put(stored(e)).catch(() => {});
		}
		const old: Entry[] = [];
		for (const w of kept) {
			if (known.has(w.id)) continue;
			if (w.me && w.me !== me) void this.shelf.remove(w.id).catch(() => {});
			else old.push({ ...w, state: w.refused ? "refused" : "ready", kept: true });
		}
		this.list = [...old, ...this.list].sort((a, b) => a.order - b.order);
		this.publish();
		this.pump();
	}

	/**
	 * Gives a command. What a person contributes is kept (see the shelf); what a facilitator decides is not, and is given up when there is no
	 * connection. set marks a command that sets a value, where the newest must win. draft is the draft that the command was written as.
	 */
	add(type: string, data: Record<string, unknown>, how: { kept?: boolean; set?: boolean; draft?: string } = {}): Promise<Outcome> {
		const kept = how.kept ?? true;
		const e: Entry = {
			id: this.wires.uuid(),
			room: this.room,
			me: this.me,
			order: this.next(),
			type,
			data,
			at: this.wires.now(),
			state: kept ? "saving" : "ready",
			kept,
		};
		if (how.set) {
			e.lane = this.lane;
			e.n = ++this.n;
		}
		const outcome = new Promise<Outcome>((resolve) => this.waiters.set(e.id, resolve));
		this.list.push(e);
		this.publish();
		if (kept) {
			this.shelf
				.put(stored(e), how.draft)
				.catch(() => {
					e.kept = false; // the shelf refuses: it is sent all the same, and lost only if the page closes first
				})
				.then(() => {
					if (e.state === "saving") e.state = "ready";
					this.pump();
				});
		} else {
			this.wires.later(() => this.giveUp(e.id), IMPATIENCE_MS);
			this.pump();
		}
		return outcome;
	}

	/** A connection stands and the server has said hello. */
	opened(): void {
		this.open = true;
		for (const e of this.list) if (e.state === "sent") e.state = "ready";
		this.pump();
		this.publish();
	}

	closed(): void {
		this.open = false;
		this.publish();
	}

	reply(r: Reply): void {
		const e = this.list.find((x) => x.id === r.id);
		if (!e) return;
		const code = r.error?.code;
		if (!r.error || code === "duplicate") {
			e.state = "done";
			e.seq = r.seq ?? 0;
			e.answer = (r.data as Record<string, unknown>) ?? {};
			void this.shelf.remove(e.id).catch(() => {});
			if (!this.answer(e.id, { ok: true, seq: e.seq, data: e.answer })) this.onDone(e);
			this.wires.later(() => this.settle(Number.POSITIVE_INFINITY, e.id), SETTLE_MS);
		} else if (code === "unavailable" || code === "rate_limited" || (code === "internal" && (e.tries ?? 0) + 1 < FAULTS)) {
			e.tries = (e.tries ?? 0) + 1;
			e.state = "ready";
			this.pause(Math.min(8_000, 500 * 2 ** e.tries));
		} else if (code === "unauthorised") {
			e.state = "ready"; // it waits until the person is signed in again
			this.open = false;
		} else {
			this.refuse(e, r.error.code, r.error.message, r.error.field ?? "");
		}
		this.publish();
		this.pump();
	}

	/** The journal is applied up to seq: what is done by then is shown by the campaign itself. */
	settle(seq: number, only?: string): void {
		const left = this.list.filter((e) => e.state !== "done" || (only ? e.id !== only : e.seq! > seq));
		if (left.length === this.list.length) return;
		this.list = left;
		this.publish();
	}

	/** Throws a refused command away. */
	discard(id: string): void {
		const e = this.list.find((x) => x.id === id);
		if (e?.state !== "refused") return;
		this.list = this.list.filter((x) => x.id !== id);
		void this.shelf.remove(id).catch(() => {});
		this.publish();
	}

	/** Gives a refused command again, as a new one: the answer of the old id is final. */
	again(id: string): Promise<Outcome> | undefined {
		const e = this.list.find((x) => x.id === id);
		if (e?.state !== "refused") return;
		this.discard(id);
		return this.add(e.type, e.data, { set: e.lane !== undefined });
	}

	/** How many contributions wait for an answer. */
	waiting(): number {
		return this.list.filter((e) => e.kept && e.state !== "done" && e.state !== "refused").length;
	}

	private refuse(e: Entry, code: string, message: string, field: string): void {
		const awaited = this.answer(e.id, { ok: false, code, message, field });
		if (e.kept && written.has(e.type)) {
			e.state = "refused";
			e.refused = { code, message };
			void this.shelf.put(stored(e)).catch(() => {});
		} else {
			this.list = this.list.filter((x) => x !== e);
			if (e.kept) void this.shelf.remove(e.id).catch(() => {});
		}
		if (!awaited) this.onRefused(e);
	}

	private answer(id: string, o: Outcome): boolean {
		const resolve = this.waiters.get(id);
		this.waiters.delete(id);
		resolve?.(o);
		return resolve !== undefined;
	}

	private giveUp(id: string): void {
		const e = this.list.find((x) => x.id === id);
		if (e?.state !== "ready") return;
		this.refuse(e, "offline", "", "");
		this.publish();
	}

	private pause(ms: number): void {
		this.paused = true;
		this.wires.later(() => {
			this.paused = false;
			this.pump();
		}, ms);
	}

	/** Sends from the front what may go. */
	private pump(): void {
		if (!this.open || this.paused || !this.me) return;
		let flying = 0;
		let sent = false;
		for (const e of this.list) {
			if (e.state === "saving") break;
			if (e.state === "sent") flying++;
			if (e.state !== "ready") continue;
			if (flying >= WINDOW) break;
			const frame: Record<string, unknown> = { id: e.id, type: e.type, data: e.data };
			if (e.lane) {
				frame.lane = e.lane;
				frame.n = e.n;
			}
			if (!this.wires.send(frame)) break;
			e.state = "sent";
			e.sentAt = this.wires.now();
			flying++;
			sent = true;
			this.watch(e.id, e.sentAt);
		}
		if (sent) this.publish();
	}

	private watch(id: string, sentAt: number): void {
		this.wires.later(() => {
			const e = this.list.find((x) => x.id === id);
			if (e?.state === "sent" && e.sentAt === sentAt && this.open) this.wires.suspect();
		}, PATIENCE_MS);
	}

	/** Larger than any number this page or an earlier one gave. */
	private next(): number {
		this.order = Math.max(this.order + 1, this.wires.now() * 1000);
		return this.order;
	}

	private publish(): void {
		this.entries.value = this.list.map((e) => ({ ...e }));
	}
}

function stored(e: Entry): Waiting {
	const { id, room, me, order, type, data, lane, n, at, refused } = e;
	const w: Waiting = { id, room, me, order, type, data, at };
	if (lane !== undefined) {
		w.lane = lane;
		w.n = n;
	}
	if (refused) w.refused = refused;
	return w;
}
