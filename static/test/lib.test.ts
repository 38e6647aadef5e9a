import { afterEach, describe, expect, test, vi } from "vitest";
import { ApiError, call } from "../src/lib/api.ts";
import { readable, tidyCode } from "../src/lib/code.ts";
import { uuid } from "../src/lib/uuid.ts";
import { MemoryStorage, openShelf, StorageShelf, type Waiting } from "../src/store/shelf.ts";

afterEach(() => {
	vi.unstubAllGlobals();
});

describe("codes", () => {
	test.each([
		["KM37QP", "KM37QP"],
		["km3 7qp", "KM37QP"],
		[" km3-7qp ", "KM37QP"],
		["k m\u00a03–7qp", "KM37QP"],
		["", ""],
		["—", ""],
	])("%j is %j", (typed, code) => expect(tidyCode(typed)).toBe(code));

	test("are read in groups of three", () => {
		expect(readable("KM37QP")).toBe("KM3 7QP");
		expect(readable("km37qpab")).toBe("KM3 7QP AB");
	});
});

describe("uuid", () => {
	test("is of version 7, in the order of time, and needs no secure context", () => {
		vi.stubGlobal("crypto", { getRandomValues: (b: Uint8Array) => (globalThis.crypto === undefined ? b : b.fill(0xff)) });
		const a = uuid(1_700_000_000_000);
		const b = uuid(1_700_000_000_001);
		expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
		expect(a < b).toBe(true);
		expect(Number.parseInt(a.replaceAll("-", "").slice(0, 12), 16)).toBe(1_700_000_000_000);
	});
});

describe("calls", () => {
	test("give the server's sentence, or one of our own without a server", async () => {
		vi.stubGlobal(
			"fetch",
			async () =>
				new Response(JSON.stringify({ error: { code: "phase_closed", message: "Dat kan niet in deze fase.", field: "title" } }), {
					status: 409,
				}),
		);
		await expect(call("POST", "/x", {})).rejects.toMatchObject({
			status: 409,
			code: "phase_closed",
			message: "Dat kan niet in deze fase.",
			field: "title",
		});
		vi.stubGlobal("fetch", async () => {
			throw new TypeError("network");
		});
		await expect(call("GET", "/x")).rejects.toMatchObject({ status: 0, code: "offline" });
		vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502 }));
		await expect(call("GET", "/x")).rejects.toMatchObject({ status: 502, code: "unavailable" });
		vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
		expect(await call("DELETE", "/me")).toBe(null);
	});

	test("an error is an error", () => {
		expect(new ApiError(1, "offline", "x")).toBeInstanceOf(Error);
	});
});

describe("shelf", () => {
	const waiting = (id: string, order: number, more: Partial<Waiting> = {}): Waiting => ({
		id,
		room: "r",
		me: "m",
		order,
		type: "idea.post",
		data: { title: id },
		at: 0,
		...more,
	});

	test("gives the commands of a room in order", async () => {
		const s = new StorageShelf(new MemoryStorage());
		await s.put(waiting("b", 2));
		await s.put(waiting("a", 1));
		await s.put(waiting("c", 3, { room: "other" }));
		expect((await s.all("r")).map((w) => w.id)).toEqual(["a", "b"]);
		await s.remove("a");
		expect((await s.all("r")).map((w) => w.id)).toEqual(["b"]);
	});

	test("clears a room and leaves the others", async () => {
		const s = new StorageShelf(new MemoryStorage());
		await s.put(waiting("a", 1));
		await s.put(waiting("c", 3, { room: "other" }));
		await s.keep("r/composer", { title: "x" });
		await s.keep("other/composer", { title: "y" });
		await s.clear("r");
		expect(await s.all("r")).toEqual([]);
		expect(await s.draft("r/composer")).toBeUndefined();
		expect(await s.draft("other/composer")).toEqual({ title: "y" });
		expect((await s.all("other")).length).toBe(1);
	});

	test("damaged entries are passed over", async () => {
		const storage = new MemoryStorage();
		storage.setItem("kiem.out.x", "{");
		const s = new StorageShelf(storage);
		await s.put(waiting("a", 1));
		expect((await s.all("r")).map((w) => w.id)).toEqual(["a"]);
	});

	test("without IndexedDB it is localStorage, and without that memory", async () => {
		vi.stubGlobal("indexedDB", undefined);
		const s = await openShelf();
		await s.put(waiting("a", 1));
		expect(localStorage.getItem("kiem.out.a")).toContain('"title":"a"');
		localStorage.clear();
		vi.stubGlobal("localStorage", {
			setItem() {
				throw new Error("refused");
			},
		});
		const m = await openShelf();
		await m.put(waiting("a", 1));
		expect((await m.all("r")).length).toBe(1);
	});
});
