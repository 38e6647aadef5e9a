import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Live } from "../src/store/live.ts";
import { FakeWorld, pass } from "./world.ts";

beforeEach(() => {
	vi.useFakeTimers();
});
afterEach(() => {
	vi.useRealTimers();
});

function live() {
	const world = new FakeWorld();
	const heard: string[] = [];
	let there = true;
	let probes = 0;
	const l = new Live(world, {
		url: () => `ws://kiem.test/live?n=${world.sockets.length}`,
		message: (m) => heard.push(m.type),
		closed: () => heard.push("closed"),
		probe: async () => {
			probes++;
			return there;
		},
	});
	return { world, heard, l, gone: () => (there = false), probes: () => probes };
}

describe("live", () => {
	test("is open after hello, with the protocol's name", () => {
		const { world, heard, l } = live();
		l.start();
		expect(l.state.value).toBe("connecting");
		expect(l.send({ id: 1 })).toBe(false);
		world.last.hello();
		expect(l.state.value).toBe("open");
		expect(world.last.protocol).toBe("kiem.v1");
		expect(l.send({ id: 1 })).toBe(true);
		expect(heard).toEqual(["hello"]);
	});

	test("comes back after a cut, and waits longer each time", async () => {
		const { world, l } = live();
		l.start();
		const waits: number[] = [];
		for (let i = 0; i < 8; i++) {
			const from = Date.now();
			const n = world.sockets.length;
			world.last.cut();
			expect(l.state.value).toBe("waiting");
			while (world.sockets.length === n) await pass(50);
			waits.push(Date.now() - from);
		}
		for (let i = 1; i < 5; i++) expect(waits[i]!).toBeGreaterThan(waits[i - 1]!);
		expect(Math.max(...waits)).toBeLessThanOrEqual(20_050);
		world.last.hello();
		world.last.cut();
		const n = world.sockets.length;
		await pass(900);
		expect(world.sockets.length).toBe(n + 1);
	});

	test("the wait is drawn at random", async () => {
		const { world, l } = live();
		l.start();
		world.chance = 0;
		world.last.cut();
		await pass(401);
		expect(world.sockets.length).toBe(2);
		world.chance = 1;
		world.last.cut();
		await pass(1590);
		expect(world.sockets.length).toBe(2);
		await pass(20);
		expect(world.sockets.length).toBe(3);
	});

	test.each([4100, 4101, 4102, 4103])("does not come back after %i", async (code) => {
		const { world, l } = live();
		l.start();
		world.last.hello();
		world.last.cut(code);
		expect([l.state.value, l.ended.value]).toEqual(["ended", code]);
		await pass(120_000);
		expect(world.sockets.length).toBe(1);
	});

	test.each([4001, 4002, 1001, 1006])("comes back after %i", async (code) => {
		const { world, l } = live();
		l.start();
		world.last.hello();
		world.last.cut(code);
		await pass(5_000);
		expect(world.sockets.length).toBe(2);
	});

	test("gives up when the session is gone", async () => {
		const { world, l, gone, probes } = live();
		gone();
		l.start();
		world.last.cut();
		await pass(1_000);
		expect(probes()).toBe(0);
		world.last.cut();
		await pass(0);
		expect(probes()).toBe(1);
		expect([l.state.value, l.ended.value]).toEqual(["ended", 4100]);
	});

	test("a handshake that hangs is given up", async () => {
		const { world, l } = live();
		l.start();
		await pass(15_900);
		expect(world.sockets.length).toBe(2);
	});

	test("an old socket is not heard any more", () => {
		const { world, heard, l } = live();
		l.start();
		world.last.hello();
		const old = world.last;
		l.again();
		expect(world.sockets.length).toBe(2);
		old.say({ type: "reset", reason: "x" });
		old.cut();
		expect(heard).toEqual(["hello", "closed"]);
		expect(l.state.value).toBe("connecting");
	});

	test("waits while the device is offline and comes at once when it is back", async () => {
		const { world, l } = live();
		l.start();
		world.last.hello();
		l.offline();
		expect(l.since.value).toBeGreaterThan(0);
		await pass(20_000);
		expect(world.sockets.length).toBe(1);
		l.online();
		expect(world.sockets.length).toBe(2);
		world.last.hello();
		expect(l.since.value).toBe(0);
	});

	test("what is no message is passed over", () => {
		const { world, heard, l } = live();
		l.start();
		world.last.onmessage?.({ data: "{" } as MessageEvent);
		world.last.onmessage?.({ data: new ArrayBuffer(3) } as MessageEvent);
		expect(heard).toEqual([]);
	});
});
