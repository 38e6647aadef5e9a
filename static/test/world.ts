/** A world for tests: timers that run when told, sockets in memory, answers given by the test. */
import { vi } from "vitest";
import type { Campaign, Idea, Me, Snapshot } from "../src/protocol.ts";
import type { World } from "../src/store/room.ts";

export class FakeSocket {
	readyState = 0;
	sent: Record<string, unknown>[] = [];
	onmessage: ((e: MessageEvent) => void) | null = null;
	onclose: ((e: CloseEvent) => void) | null = null;
	onerror: (() => void) | null = null;

	constructor(
		readonly url: string,
		readonly protocol: string,
	) {}

	send(text: string) {
		this.sent.push(JSON.parse(text));
	}
	close() {
		this.readyState = 3;
	}
	/** The server says something. */
	say(message: object) {
		this.readyState = 1;
		this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
	}
	/** The connection is cut. */
	cut(code = 1006) {
		this.readyState = 3;
		this.onclose?.({ code } as CloseEvent);
	}
	hello(more: object = {}) {
		this.say({
			type: "hello",
			seq: 10,
			epoch: 1,
			head: "",
			durability: "durable",
			me: me(),
			server_time: new Date().toISOString(),
			node: "a",
			resumed: true,
			...more,
		});
	}
	reply(id: unknown, seq: number, data: object = {}) {
		this.say({ type: "reply", id, seq, data });
	}
	refuse(id: unknown, code: string, message = "Nee.", field?: string) {
		this.say({ type: "reply", id, error: { code, message, field } });
	}
	events(from: number, to: number, more: object = {}) {
		this.say({ type: "events", from, to, ...more });
	}
}

export class FakeWorld implements World {
	sockets: FakeSocket[] = [];
	answers: Record<string, unknown> = {};
	asked: string[] = [];
	posted: { path: string; body: unknown }[] = [];
	origin = "http://kiem.test";
	chance = 0.5;

	socket = (url: string, protocol: string) => {
		const s = new FakeSocket(url, protocol);
		this.sockets.push(s);
		return s as unknown as WebSocket;
	};
	later = (fn: () => void, ms: number) => setTimeout(fn, ms) as unknown as number;
	cancel = (timer: number) => clearTimeout(timer);
	random = () => this.chance;
	now = () => Date.now();
	get = async <T>(path: string): Promise<T> => {
		this.asked.push(path);
		const answer = this.answers[path];
		if (answer instanceof Error) throw answer;
		return structuredClone(answer) as T;
	};
	post = async <T>(path: string, body: unknown): Promise<T> => {
		this.posted.push({ path, body });
		return this.get<T>(path);
	};
	get last(): FakeSocket {
		return this.sockets[this.sockets.length - 1]!;
	}
}

/** Lets promises that are already decided go on. */
export async function settled(rounds = 20): Promise<void> {
	for (let i = 0; i < rounds; i++) await Promise.resolve();
}

/** Runs timers for so long, and what follows from them. */
export async function pass(ms: number): Promise<void> {
	await vi.advanceTimersByTimeAsync(ms);
	await settled();
}

export const selfID = "00000000-0000-7000-8000-000000000001";
export const roomID = "00000000-0000-7000-8000-00000000c001";

export function ideaID(n: number): string {
	return `00000000-0000-7000-8000-0000000a${String(n).padStart(4, "0")}`;
}

export function idea(n: number, more: Partial<Idea> = {}): Idea {
	return {
		id: ideaID(n),
		challenge: "",
		title: `Idee ${n}`,
		text: `Tekst van idee ${n}`,
		status: "posted",
		themes: [],
		nodes: [],
		innovation: ["service"],
		need: "",
		support: { total: n, by_group: {} },
		comments: [],
		authors: [{ id: "00000000-0000-7000-8000-0000000000ff", name: "Bo", group: "firm" }],
		lineage: { from: [], into: [] },
		version: 1,
		posted_at: new Date(Date.UTC(2026, 10, 1, 8, n % 60)).toISOString(),
		...more,
	};
}

export function campaign(more: Partial<Campaign> = {}): Campaign {
	return {
		id: roomID,
		title: "Straten om te leven",
		template: "campaign",
		code: "KM37QP",
		join_url: "http://kiem.test/j/KM37QP",
		challenge: { id: "", title: "Hoe maken we de straat van iedereen?", text: "Uitleg.", nodes: ["care"], themes: ["Groen", "Spelen"] },
		languages: ["nl"],
		groups: ["citizen", "civil_society", "firm", "knowledge", "government"],
		stages: ["collect", "refine", "vote", "result"],
		stage: "collect",
		open: { posting: true, editing: true, comments: true, support: true },
		settings: { attendance: 500, moderation: "post", text_max: 1000, small_cell: 5, group_check: "declared", support_against: false },
		created_at: "2026-11-01T08:00:00Z",
		joined: 3,
		...more,
	};
}

export function snapshot(ideas: Idea[], more: Partial<Snapshot> = {}): Snapshot {
	return { seq: 10, epoch: 1, campaign: campaign(), ideas, total: ideas.length, rounds: [], presence: { online: 3 }, ...more };
}

export function me(more: Partial<Me> = {}): Me {
	return {
		id: selfID,
		name: "Ana",
		group: "citizen",
		role: "participant",
		rights: [
			"idea.post",
			"idea.edit",
			"idea.retract",
			"idea.report",
			"support.set",
			"comment.post",
			"comment.edit",
			"comment.retract",
			"participant.rename",
		],
		support: {},
		ideas: [],
		authored: [],
		...more,
	};
}
