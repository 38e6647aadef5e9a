/**
 * A room is one campaign on this page: its board, its live connection, its outbox, and the actions of the person in it. It owns the order of things:
 * fetch the snapshot, connect after it, apply what follows, and fetch again when the server says `reset` or a gap shows.
 */
import { computed, type Signal, signal } from "@preact/signals";
import { language } from "../i18n/index.ts";
import { ApiError, call } from "../lib/api.ts";
import { memo } from "../lib/memo.ts";
import { uuid } from "../lib/uuid.ts";
import type { Hello, Idea, Me, Snapshot } from "../protocol.ts";
import { Board } from "./board.ts";
import { type Air, Live, type Message } from "./live.ts";
import { Outbox, type Outcome } from "./outbox.ts";
import type { Shelf } from "./shelf.ts";

export type Phase = "loading" | "ready" | "signed-out" | "not-found" | "removed" | "failed";

/** What the room needs of the world; tests bring their own. */
export interface World extends Air {
	get<T>(path: string): Promise<T>;
	post<T>(path: string, body: unknown): Promise<T>;
	/** http(s)://host of this page */
	origin: string;
}

export const browser: World = {
	socket: (url, protocol) => new WebSocket(url, protocol),
	later: (fn, ms) => setTimeout(fn, ms) as unknown as number,
	cancel: (timer) => clearTimeout(timer),
	random: Math.random,
	now: Date.now,
	get: (path) => call("GET", path),
	post: (path, body) => call("POST", path, body),
	get origin() {
		return location.origin;
	},
};

/** The screen follows at most so often. */
const FLUSH_MS = 100;
/** A page that was hidden so long asks for a new connection: phones let sockets die silently. */
const HIDDEN_MS = 45_000;

/** One's own support for an idea: what the server has, and what one asked for and is not part of the figures here yet. */
export interface Own {
	value: number;
	/** the value the total on the screen does not contain yet; absent when it does */
	wish?: number;
	/** the command has no answer yet */
	sending: boolean;
}

export class Room {
	readonly phase = signal<Phase>("loading");
	readonly failure = signal("");
	readonly me = signal<Me | null>(null);
	readonly durability = signal("durable");
	/** By idea. */
	readonly own = signal<ReadonlyMap<string, Own>>(new Map());
	/** Ideas that are one's own, also the ones posted a moment ago. */
	readonly mine = signal<ReadonlySet<string>>(new Set());
	/** A refusal that concerns no field on the screen, to be said and shown. */
	readonly notice = signal<{ text: string; idea?: string } | null>(null);
	readonly board: Board;
	readonly live: Live;
	readonly outbox: Outbox;

	private offset = 0;
	private flushTimer = 0;
	private hiddenAt = 0;
	private fetching: Promise<void> | null = null;
	private refetching = false;
	/** Rounds of fetching again since the last events that fitted. */
	private rounds = 0;
	private stopListening: () => void = () => {};

	constructor(
		readonly id: string,
		readonly shelf: Shelf,
		private world: World = browser,
	) {
		this.board = new Board(() => this.soon());
		this.live = new Live(world, {
			url: () =>
				`${world.origin.replace(/^http/, "ws")}/api/v1/campaigns/${id}/live?after=${this.board.seq}&epoch=${this.board.epoch}&lang=${language.value}`,
			message: (m) => this.hear(m),
			closed: () => this.outbox.closed(),
			probe: () => this.probe(),
		});
		this.outbox = new Outbox(id, shelf, {
			send: (frame) => this.live.send(frame),
			suspect: () => this.live.again(),
			now: world.now,
			uuid,
			later: (fn, ms) => void world.later(fn, ms),
		});
		this.outbox.onDone = (e) => {
			if (e.type === "support.set") this.supported(String(e.data.idea), Number(e.data.value), e.seq ?? 0);
			else this.posted(e.type, e.answer ?? {});
		};
		this.outbox.onRefused = (e) => {
			if (e.type === "support.set") this.dropWish(String(e.data.idea));
			if (e.refused?.message)
				this.notice.value = { text: e.refused.message, idea: typeof e.data.idea === "string" ? e.data.idea : undefined };
		};
	}

	/** The server's time, as far as this page knows it: milliseconds. */
	now = (): number => this.world.now() + this.offset;

	/** Ideas that everybody sees and that look like what somebody is writing. */
	async similar(title: string, text: string): Promise<string[]> {
		const found = await this.world.post<{ ideas: { id: string }[] }>(`/campaigns/${this.id}/similar`, { title, text });
		return found.ideas.map((i) => i.id);
	}

	can(command: string): boolean {
		return this.me.value?.rights?.includes(command) ?? false;
	}

	readonly moderator = computed(() => this.can("idea.moderate"));

	async start(): Promise<void> {
		this.listen();
		try {
			await this.fetch();
		} catch (e) {
			const status = e instanceof ApiError ? e.status : 0;
			if (status === 401 || status === 403) this.phase.value = "signed-out";
			else if (status === 404) this.phase.value = "not-found";
			else {
				this.failure.value = e instanceof ApiError ? e.message : "";
				this.phase.value = "failed";
				this.world.later(() => {
					if (this.phase.value === "failed") void this.start();
				}, 5_000);
			}
			return;
		}
		this.phase.value = "ready";
		this.live.start();
	}

	stop(): void {
		this.stopListening();
		this.live.stop();
	}

	/** Fetches the snapshot. */
	fetch(): Promise<void> {
		this.fetching ??= this.world
			.get<Snapshot>(`/campaigns/${this.id}`)
			.then((s) => {
				this.board.load(s);
				const me = this.me.value;
				if (me) this.board.own(me);
				memo.set(`code.${this.id}`, s.campaign.code ?? memo.get(`code.${this.id}`) ?? "");
			})
			.finally(() => {
				this.fetching = null;
			});
		return this.fetching;
	}

	/** Supports an idea (1), opposes it (-1) or takes that back (0). Shown at once; a refusal undoes it. */
	async support(idea: string, value: number): Promise<Outcome> {
		this.setOwn(idea, { value, wish: value, sending: true });
		const o = await this.outbox.add("support.set", { idea, value }, { set: true });
		if (o.ok) this.supported(idea, value, o.seq);
		else if (this.own.value.get(idea)?.wish === value) this.dropWish(idea);
		return o;
	}

	/** The server has one's support as part of that journal entry. */
	private supported(idea: string, value: number, seq: number): void {
		if (this.own.value.get(idea)?.wish !== value) return; // a later tap decides
		if (seq <= this.board.seq) {
			this.confirm(idea, value);
			return;
		}
		this.setOwn(idea, { value, wish: value, sending: false });
		this.awaiting.push({ idea, value, seq });
	}

	/** Sends a decision of a facilitator or organiser: not kept, given up without a connection. */
	decide(type: string, data: Record<string, unknown>): Promise<Outcome> {
		return this.outbox.add(type, data, { kept: false });
	}

	/** Sends a contribution. */
	async contribute(type: string, data: Record<string, unknown>, how: { draft?: string; set?: boolean } = {}): Promise<Outcome> {
		const o = await this.outbox.add(type, data, how);
		if (o.ok) this.posted(type, o.data);
		return o;
	}

	/** An idea that was posted is one's own from then on. */
	private posted(type: string, answer: Record<string, unknown>): void {
		if (type !== "idea.post" || typeof answer.idea !== "string") return;
		this.mine.value = new Set([...this.mine.value, answer.idea]);
		this.settle();
	}

	/** One's own name was changed, and the server said yes. */
	renamed(name: string): void {
		const me = this.me.value;
		if (me) this.me.value = { ...me, name };
	}

	isMine(i: Idea): boolean {
		const me = this.me.value?.id;
		return this.mine.value.has(i.id) || (!!me && i.authors.some((a) => a.id === me));
	}

	// What follows runs when messages arrive.

	/** Answered support whose journal entry is not applied here yet: until then the total on the screen lacks it. */
	private awaiting: { idea: string; value: number; seq: number }[] = [];
	/** What the server has of one's own support. */
	private confirmed = new Map<string, number>();

	private hear(m: Message): void {
		switch (m.type) {
			case "hello":
				this.hello(m);
				break;
			case "reply":
				this.outbox.reply(m);
				this.settle();
				break;
			case "events": {
				const taken = this.board.apply(m);
				// A person who was erased takes what they wrote along, everywhere.
				if (taken === "gap" || m.events?.some((e) => e.type === "person.erased")) this.refetch();
				else {
					this.rounds = 0;
					this.settle();
				}
				break;
			}
			case "reset":
				this.refetch();
				break;
		}
	}

	private hello(h: Hello): void {
		this.offset = Date.parse(h.server_time) - this.world.now() || 0;
		this.durability.value = h.durability;
		this.me.value = h.me;
		this.mine.value = new Set([...this.mine.value, ...(h.me.authored ?? [])]);
		this.confirmed = new Map(Object.entries(h.me.support ?? {}));
		const own = new Map<string, Own>();
		for (const [idea, value] of this.confirmed) own.set(idea, { value, sending: false });
		for (const [idea, o] of this.own.value) if (o.wish !== undefined) own.set(idea, o);
		this.own.value = own;
		this.board.own(h.me);
		if (h.epoch !== this.board.epoch || (!h.resumed && h.seq !== this.board.seq)) {
			this.refetch();
			return;
		}
		void this.outbox.load(h.me.id).then(() => {
			for (const e of this.outbox.entries.value) {
				if (e.type === "support.set" && e.state !== "done")
					this.setOwn(String(e.data.idea), { value: Number(e.data.value), wish: Number(e.data.value), sending: true });
			}
			this.outbox.opened();
		});
	}

	/** Fetches again and connects after it. Should that not help, each further round waits longer. */
	private refetch(): void {
		if (this.fetching || this.refetching) return;
		this.refetching = true;
		const wait = this.rounds === 0 ? 0 : Math.min(10_000, 250 * 2 ** this.rounds) * (0.5 + this.world.random() / 2);
		this.rounds++;
		this.world.later(() => {
			this.refetching = false;
			this.fetchAndGoOn();
		}, wait);
	}

	private fetchAndGoOn(): void {
		void this.fetch()
			.then(() => this.live.again())
			.catch((e) => {
				if (e instanceof ApiError && (e.status === 401 || e.status === 403)) this.live.stop(4100);
				else this.world.later(() => this.refetch(), 2_000 + this.world.random() * 3_000);
			});
	}

	private async probe(): Promise<boolean> {
		try {
			await this.world.get<Me>(`/campaigns/${this.id}/me`);
			return true;
		} catch (e) {
			return !(e instanceof ApiError && [401, 403, 404].includes(e.status));
		}
	}

	/** Lets go of what the board shows by now. */
	private settle(): void {
		const seq = this.board.seq;
		if (this.awaiting.some((a) => a.seq <= seq)) {
			for (const a of this.awaiting) if (a.seq <= seq) this.confirm(a.idea, a.value);
			this.awaiting = this.awaiting.filter((a) => a.seq > seq);
			this.board.flush();
		}
		if (this.outbox.entries.value.some((e) => e.state === "done" && e.seq! <= seq)) {
			this.board.flush();
			this.outbox.settle(seq);
		}
	}

	private confirm(idea: string, value: number): void {
		if (value === 0) this.confirmed.delete(idea);
		else this.confirmed.set(idea, value);
		if (this.own.value.get(idea)?.wish === value) this.setOwn(idea, value === 0 ? null : { value, sending: false });
	}

	private dropWish(idea: string): void {
		const value = this.confirmed.get(idea) ?? 0;
		this.setOwn(idea, value === 0 ? null : { value, sending: false });
	}

	private setOwn(idea: string, o: Own | null): void {
		const next = new Map(this.own.value);
		if (o) next.set(idea, o);
		else next.delete(idea);
		this.own.value = next;
	}

	/** What the total on the screen lacks because of one's own tap. */
	lead(idea: string): number {
		const o = this.own.value.get(idea);
		if (o?.wish === undefined) return 0;
		return Math.max(0, o.wish) - Math.max(0, this.confirmed.get(idea) ?? 0);
	}

	private soon(): void {
		if (this.flushTimer) return;
		this.flushTimer = this.world.later(() => {
			this.flushTimer = 0;
			this.board.flush();
		}, FLUSH_MS);
	}

	private listen(): void {
		this.stopListening();
		const onLine = () => this.live.online();
		const offLine = () => this.live.offline();
		const seen = () => {
			if (document.visibilityState === "hidden") {
				this.hiddenAt = this.world.now();
				return;
			}
			if (this.hiddenAt && this.world.now() - this.hiddenAt > HIDDEN_MS) this.live.again();
			this.hiddenAt = 0;
			this.live.online();
		};
		addEventListener("online", onLine);
		addEventListener("offline", offLine);
		document.addEventListener("visibilitychange", seen);
		this.stopListening = () => {
			removeEventListener("online", onLine);
			removeEventListener("offline", offLine);
			document.removeEventListener("visibilitychange", seen);
		};
	}
}

/** The signal of an idea that may not be there. */
export function ideaOf(room: Room, id: string): Signal<Idea> | undefined {
	void room.board.ids.value; // a page for an idea that arrives later is drawn again
	return room.board.idea(id);
}
