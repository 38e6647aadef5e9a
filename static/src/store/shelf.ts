/**
 * The shelf keeps what a person wrote and the server does not have yet: commands that wait for an answer, and drafts. A command is on the
 * shelf before it is sent, and leaves it when it is answered, so a closed tab or an empty battery loses nothing.
 *
 * IndexedDB holds it; where that is missing or refuses, localStorage; where that refuses too, memory.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";

/** A command that waits, or one that was refused and whose text is kept. */
export interface Waiting {
	/** the command's id */
	id: string;
	/** the campaign */
	room: string;
	/** the participant who gave it */
	me: string;
	/** commands of a room are sent in this order */
	order: number;
	type: string;
	data: Record<string, unknown>;
	lane?: string;
	n?: number;
	/** when it was given, milliseconds of this device's clock */
	at: number;
	/** why the server did not take it; it is not sent again */
	refused?: { code: string; message: string };
}

export type Draft = Record<string, unknown>;

export interface Shelf {
	/** Keeps a command; resolves when it is kept. The draft it was written as goes in the same step. */
	put(w: Waiting, draft?: string): Promise<void>;
	remove(id: string): Promise<void>;
	/** The commands of a room, in order. */
	all(room: string): Promise<Waiting[]>;
	keep(key: string, draft: Draft): Promise<void>;
	draft(key: string): Promise<Draft | undefined>;
	drop(key: string): Promise<void>;
	/** Forgets everything of a room: a person leaves and takes what they wrote. */
	clear(room: string): Promise<void>;
}

interface Schema extends DBSchema {
	outbox: { key: string; value: Waiting; indexes: { room: string } };
	drafts: { key: string; value: Draft };
}

/** How long IndexedDB may take to open before the page goes on without it. */
const OPEN_MS = 3000;

export async function openShelf(name = "kiem"): Promise<Shelf> {
	try {
		const opening = openDB<Schema>(name, 1, {
			upgrade(db) {
				db.createObjectStore("outbox", { keyPath: "id" }).createIndex("room", "room");
				db.createObjectStore("drafts");
			},
		});
		let timer: ReturnType<typeof setTimeout> | undefined;
		const late = new Promise<never>((_, no) => {
			timer = setTimeout(() => no(new Error("IndexedDB does not open")), OPEN_MS);
		});
		const db = await Promise.race([opening, late]).finally(() => clearTimeout(timer));
		return new DatabaseShelf(db);
	} catch {
		return new StorageShelf(usable(() => localStorage) ?? new MemoryStorage());
	}
}

function usable(get: () => Storage): Storage | null {
	try {
		const s = get();
		s.setItem("kiem.probe", "1");
		s.removeItem("kiem.probe");
		return s;
	} catch {
		return null;
	}
}

/** The keys of a room's drafts begin with this. */
const roomOf = (key: string) => key.split("/", 1)[0];

class DatabaseShelf implements Shelf {
	constructor(private db: IDBPDatabase<Schema>) {}

	async put(w: Waiting, draft?: string) {
		const tx = this.db.transaction(["outbox", "drafts"], "readwrite", { durability: "strict" });
		tx.objectStore("outbox").put(w);
		if (draft) tx.objectStore("drafts").delete(draft);
		await tx.done;
	}
	async remove(id: string) {
		await this.db.delete("outbox", id);
	}
	async all(room: string) {
		return byOrder(await this.db.getAllFromIndex("outbox", "room", room));
	}
	async keep(key: string, draft: Draft) {
		await this.db.put("drafts", draft, key);
	}
	draft(key: string) {
		return this.db.get("drafts", key);
	}
	async drop(key: string) {
		await this.db.delete("drafts", key);
	}
	async clear(room: string) {
		const tx = this.db.transaction(["outbox", "drafts"], "readwrite");
		for (const id of await tx.objectStore("outbox").index("room").getAllKeys(room)) tx.objectStore("outbox").delete(id);
		for (const key of await tx.objectStore("drafts").getAllKeys()) if (roomOf(key) === room) tx.objectStore("drafts").delete(key);
		await tx.done;
	}
}

const OUT = "kiem.out.";
const DRAFT = "kiem.draft.";

/** The same in a Storage: each command and each draft is one entry. */
export class StorageShelf implements Shelf {
	constructor(private storage: Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">) {}

	async put(w: Waiting, draft?: string) {
		this.storage.setItem(OUT + w.id, JSON.stringify(w));
		if (draft) this.storage.removeItem(DRAFT + draft);
	}
	async remove(id: string) {
		this.storage.removeItem(OUT + id);
	}
	async all(room: string) {
		const list: Waiting[] = [];
		for (const key of this.keys(OUT)) {
			const w = read<Waiting>(this.storage.getItem(key));
			if (w?.room === room) list.push(w);
		}
		return byOrder(list);
	}
	async keep(key: string, draft: Draft) {
		this.storage.setItem(DRAFT + key, JSON.stringify(draft));
	}
	async draft(key: string) {
		return read<Draft>(this.storage.getItem(DRAFT + key)) ?? undefined;
	}
	async drop(key: string) {
		this.storage.removeItem(DRAFT + key);
	}
	async clear(room: string) {
		for (const w of await this.all(room)) this.storage.removeItem(OUT + w.id);
		for (const key of this.keys(DRAFT)) if (roomOf(key.slice(DRAFT.length)) === room) this.storage.removeItem(key);
	}
	private keys(prefix: string): string[] {
		const list: string[] = [];
		for (let i = 0; i < this.storage.length; i++) {
			const key = this.storage.key(i);
			if (key?.startsWith(prefix)) list.push(key);
		}
		return list;
	}
}

function read<T>(text: string | null): T | null {
	if (!text) return null;
	try {
		return JSON.parse(text) as T;
	} catch {
		return null;
	}
}

function byOrder(list: Waiting[]): Waiting[] {
	return list.sort((a, b) => a.order - b.order || (a.id < b.id ? -1 : 1));
}

export class MemoryStorage {
	private map = new Map<string, string>();
	get length() {
		return this.map.size;
	}
	key(i: number) {
		return [...this.map.keys()][i] ?? null;
	}
	getItem(key: string) {
		return this.map.get(key) ?? null;
	}
	setItem(key: string, value: string) {
		this.map.set(key, value);
	}
	removeItem(key: string) {
		this.map.delete(key);
	}
}
