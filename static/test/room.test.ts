import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError } from "../src/lib/api.ts";
import { Room } from "../src/store/room.ts";
import { MemoryStorage, StorageShelf } from "../src/store/shelf.ts";
import { campaign, FakeWorld, idea, ideaID, me, pass, roomID, settled, snapshot } from "./world.ts";

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

async function enter(ideas = [idea(1), idea(2)], hello: object = {}) {
	const world = new FakeWorld();
	world.answers[`/campaigns/${roomID}`] = snapshot(ideas);
	const room = new Room(roomID, new StorageShelf(new MemoryStorage()), world);
	await room.start();
	world.last.hello(hello);
	await settled();
	return { world, room };
}

/** What the screen shows as the total of an idea. */
const shown = (room: Room, n: number) => room.board.idea(ideaID(n))!.value.support.total + room.lead(ideaID(n));

describe("room", () => {
	test("fetches, then connects after what it has", async () => {
		const { world, room } = await enter();
		expect(room.phase.value).toBe("ready");
		expect(world.last.url).toBe(`ws://kiem.test/api/v1/campaigns/${roomID}/live?after=10&epoch=1&lang=nl`);
		world.last.events(10, 14);
		world.last.cut();
		await pass(5_000);
		expect(world.last.url).toContain("after=14&epoch=1");
	});

	test.each([
		[401, "signed-out"],
		[404, "not-found"],
		[500, "failed"],
	])("says what a refused snapshot means (%i)", async (status, phase) => {
		const world = new FakeWorld();
		world.answers[`/campaigns/${roomID}`] = new ApiError(status, "internal", "Nee.");
		const room = new Room(roomID, new StorageShelf(new MemoryStorage()), world);
		await room.start();
		expect(room.phase.value).toBe(phase);
		if (phase !== "failed") return;
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(1)]);
		await pass(5_100);
		expect(room.phase.value).toBe("ready");
	});

	test("a tap shows at once and counts once", async () => {
		const { world, room } = await enter();
		expect(shown(room, 1)).toBe(1);
		void room.support(ideaID(1), 1);
		expect(shown(room, 1)).toBe(2);
		expect(room.own.value.get(ideaID(1))).toMatchObject({ wish: 1, sending: true });
		await settled();
		const frame = world.last.sent[0]!;
		expect(frame).toMatchObject({ type: "support.set", data: { idea: ideaID(1), value: 1 }, n: 1 });
		expect(frame.lane).toBeTruthy();
		world.last.reply(frame.id, 11);
		await settled();
		expect(room.own.value.get(ideaID(1))).toMatchObject({ sending: false });
		expect(shown(room, 1)).toBe(2);
		world.last.events(10, 11, { tallies: { [ideaID(1)]: { support: 2, by_group: {} } } });
		await settled();
		expect(shown(room, 1)).toBe(2);
		expect(room.own.value.get(ideaID(1))).toEqual({ value: 1, sending: false });
	});

	test("the figures may be here before the answer", async () => {
		const { world, room } = await enter();
		void room.support(ideaID(1), 1);
		await settled();
		world.last.events(10, 11, { tallies: { [ideaID(1)]: { support: 2, by_group: {} } } });
		world.last.reply(world.last.sent[0]!.id, 11);
		await pass(200);
		expect(shown(room, 1)).toBe(2);
	});

	test("a refused tap is undone in place", async () => {
		const { world, room } = await enter();
		const outcome = room.support(ideaID(1), 1);
		await settled();
		world.last.refuse(world.last.sent[0]!.id, "phase_closed", "Dat kan niet in deze fase.");
		expect(await outcome).toMatchObject({ ok: false, message: "Dat kan niet in deze fase." });
		expect(shown(room, 1)).toBe(1);
		expect(room.own.value.has(ideaID(1))).toBe(false);
	});

	test("taking support back goes below nothing", async () => {
		const { world, room } = await enter([idea(4)], { me: me({ support: { [ideaID(4)]: 1 } }) });
		void room.support(ideaID(4), 0);
		expect(shown(room, 4)).toBe(3);
		await settled();
		world.last.reply(world.last.sent[0]!.id, 11);
		world.last.events(10, 11, { tallies: { [ideaID(4)]: { support: 3, by_group: {} } } });
		await pass(200);
		expect(shown(room, 4)).toBe(3);
		expect(room.own.value.has(ideaID(4))).toBe(false);
	});

	test("quick taps: the last one decides, whatever the answers' order", async () => {
		const { world, room } = await enter();
		void room.support(ideaID(1), 1);
		void room.support(ideaID(1), 0);
		void room.support(ideaID(1), 1);
		await settled();
		const sent = world.last.sent;
		expect(sent.map((f) => (f.data as { value: number }).value)).toEqual([1, 0, 1]);
		expect(sent.map((f) => f.n)).toEqual([1, 2, 3]);
		world.last.reply(sent[0]!.id, 11);
		await settled();
		expect(shown(room, 1)).toBe(2);
		world.last.reply(sent[1]!.id, 11);
		world.last.reply(sent[2]!.id, 11);
		world.last.events(10, 11, { tallies: { [ideaID(1)]: { support: 2, by_group: {} } } });
		await pass(200);
		expect(shown(room, 1)).toBe(2);
		expect(room.own.value.get(ideaID(1))).toEqual({ value: 1, sending: false });
	});

	test("support given while away is sent again and counted once", async () => {
		const { world, room } = await enter();
		world.last.cut();
		void room.support(ideaID(2), 1);
		await pass(5_000);
		expect(shown(room, 2)).toBe(3);
		world.last.hello({ seq: 10 });
		await settled();
		const id = world.last.sent[0]!.id;
		world.last.cut(); // the answer is lost
		await pass(5_000);
		world.last.hello({ seq: 12, me: me({ support: { [ideaID(2)]: 1 } }) });
		await settled();
		expect(world.last.sent[0]!.id).toBe(id);
		world.last.events(10, 12, { tallies: { [ideaID(2)]: { support: 3, by_group: {} } } });
		world.last.reply(id, 11);
		await pass(200);
		expect(shown(room, 2)).toBe(3);
	});

	test.each([
		["that the server had already", 10],
		["that it stores only now", 11],
	])("support that a closed tab left, %s, is no longer being sent once it is answered", async (_, seq) => {
		const storage = new MemoryStorage();
		const world = new FakeWorld();
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(1), idea(2)]);
		const closed = new Room(roomID, new StorageShelf(storage), world);
		await closed.start();
		world.last.hello();
		await settled();
		world.last.cut();
		void closed.support(ideaID(2), 1);
		void closed.contribute("idea.post", { title: "Van de dichte tab" });
		await settled();
		closed.stop();

		const room = new Room(roomID, new StorageShelf(storage), world);
		await room.start();
		world.last.hello();
		await settled();
		expect(room.own.value.get(ideaID(2))).toMatchObject({ wish: 1, sending: true });
		const [support, post] = world.last.sent;
		world.last.reply(support!.id, seq);
		world.last.reply(post!.id, seq, { idea: ideaID(9) });
		world.last.events(10, 11, { tallies: { [ideaID(2)]: { support: 3, by_group: {} } } });
		await pass(200);
		expect(room.own.value.get(ideaID(2))).toEqual({ value: 1, sending: false });
		expect(room.mine.value.has(ideaID(9))).toBe(true);
	});

	test("reset: fetches again and connects after that", async () => {
		const { world, room } = await enter();
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(3)], { seq: 50, epoch: 2 });
		world.last.say({ type: "reset", reason: "far behind" });
		await pass(300);
		expect(world.last.url).toContain("after=50&epoch=2");
		expect(room.board.idea(ideaID(1))!.value.status).toBe("gone");
		expect(room.board.idea(ideaID(3))!.value.status).toBe("posted");
	});

	test("a gap is treated like a reset", async () => {
		const { world } = await enter();
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(1)], { seq: 30 });
		world.last.events(12, 13);
		await pass(300);
		expect(world.last.url).toContain("after=30");
	});

	test("another epoch at hello: nothing is sent before the state is fetched anew", async () => {
		const { world, room } = await enter();
		world.last.cut();
		void room.contribute("idea.post", { title: "A" });
		await pass(5_000);
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(1)], { seq: 5, epoch: 2 });
		const early = world.last;
		early.hello({ epoch: 2, seq: 5 });
		await pass(300);
		expect(early.sent).toEqual([]);
		expect(world.last).not.toBe(early);
		world.last.hello({ epoch: 2, seq: 5 });
		await settled();
		expect(world.last.sent.length).toBe(1);
	});

	test("a server that says reset again and again is asked ever more rarely", async () => {
		const { world } = await enter();
		for (let i = 0; i < 30; i++) {
			world.last.say({ type: "reset", reason: "x" });
			await pass(1_000);
		}
		expect(world.asked.length).toBeLessThan(12);
	});

	test("the screen follows at most ten times a second", async () => {
		const { world, room } = await enter();
		let drawn = 0;
		room.board.idea(ideaID(1))!.subscribe(() => drawn++);
		drawn = 0;
		for (let n = 0; n < 50; n++) {
			world.last.events(10 + n, 11 + n, { tallies: { [ideaID(1)]: { support: n + 2, by_group: {} } } });
			await pass(20);
		}
		await pass(100);
		expect(drawn).toBeLessThanOrEqual(11);
		expect(room.board.idea(ideaID(1))!.value.support.total).toBe(51);
	});

	test("one's own post is one's own at once, and the waiting card goes when the idea is there", async () => {
		const { world, room } = await enter();
		const outcome = room.contribute("idea.post", { title: "Bank" });
		await settled();
		expect(room.outbox.entries.value.length).toBe(1);
		world.last.reply(world.last.sent[0]!.id, 11, { idea: ideaID(9) });
		await outcome;
		expect(room.outbox.entries.value).toMatchObject([{ state: "done" }]);
		world.last.events(10, 11, { events: [{ seq: 11, type: "idea.post", at: "", data: idea(9) }] });
		await settled();
		expect(room.outbox.entries.value).toEqual([]);
		expect(room.board.idea(ideaID(9))!.value.title).toBe("Idee 9");
		expect(room.isMine(room.board.known(ideaID(9))!)).toBe(true);
	});

	test("server time is what the server says", async () => {
		const { room } = await enter([], { server_time: new Date(Date.now() + 3_600_000).toISOString() });
		expect(Math.round((room.now() - Date.now()) / 1000)).toBe(3600);
	});

	test("rights come from the server alone", async () => {
		const { room } = await enter([], { me: me({ role: "organiser", rights: ["idea.moderate"] }) });
		expect(room.can("idea.moderate")).toBe(true);
		expect(room.can("support.set")).toBe(false);
		expect(room.moderator.value).toBe(true);
	});

	test("somebody's erasure takes what they wrote off this screen", async () => {
		const { world, room } = await enter([idea(1, { text: "kanarie" })]);
		world.answers[`/campaigns/${roomID}`] = snapshot([idea(1, { text: "" })], { seq: 11, campaign: campaign() });
		world.last.events(10, 11, { events: [{ seq: 11, type: "person.erased", at: "", data: { id: "x", name: "", group: "citizen" } }] });
		await pass(500);
		expect(room.board.idea(ideaID(1))!.value.text).toBe("");
	});
});
