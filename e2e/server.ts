/** A real server: the program in a process of its own, with its own data directory, that can be killed and started again. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Made {
	id: string;
	code: string;
	join_url: string;
}

/** A participant who talks to the server without a browser. */
export interface Guest {
	id: string;
	token: string;
	name: string;
}

export class Server {
	readonly data = mkdtempSync(join(tmpdir(), "kiem-e2e-"));
	readonly token = randomBytes(24).toString("hex");
	private process: ChildProcess | null = null;
	private log: string[] = [];

	private constructor(
		readonly port: number,
		readonly host: string,
		private kind: "serve" | "demo",
	) {}

	/** Starts a server. host is the name that browsers use for it; with demo it holds the sample campaign. */
	static async start(host = "127.0.0.1", kind: "serve" | "demo" = "serve"): Promise<Server> {
		const s = new Server(await freePort(), host, kind);
		await s.run();
		return s;
	}

	get url(): string {
		return `http://${this.host}:${this.port}`;
	}

	/** Starts the process and waits until it takes commands. */
	async run(): Promise<void> {
		const p = spawn(process.env.KIEM_BIN!, [this.kind, "--addr", `127.0.0.1:${this.port}`, "--data", this.data, "--rate-scale", "50"], {
			env: { ...process.env, KIEM_ADMIN_TOKEN: this.token },
			stdio: ["ignore", "pipe", "pipe"],
		});
		this.process = p;
		for (const stream of [p.stdout, p.stderr]) stream?.on("data", (d: Buffer) => this.log.push(d.toString()));
		let ended = false;
		p.once("exit", () => {
			ended = true;
		});
		for (let i = 0; i < 300; i++) {
			if (ended) throw new Error(`the server ended:\n${this.log.join("")}`);
			try {
				if ((await fetch(`http://127.0.0.1:${this.port}/readyz`)).ok) return;
			} catch {
				// not yet
			}
			await new Promise((r) => setTimeout(r, 50));
		}
		throw new Error(`the server does not get ready:\n${this.log.join("")}`);
	}

	/** Ends the process: SIGKILL leaves it no time for anything. */
	async end(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
		const p = this.process;
		this.process = null;
		if (!p || p.exitCode !== null) return;
		const gone = new Promise((r) => p.once("exit", r));
		p.kill(signal);
		await gone;
	}

	async close(): Promise<void> {
		await this.end("SIGTERM");
		rmSync(this.data, { recursive: true, force: true });
	}

	/** A call of the API; the operator's unless a token is given. */
	async call<T>(method: string, path: string, body?: unknown, token = this.token): Promise<T> {
		const r = await fetch(`http://127.0.0.1:${this.port}/api/v1${path}`, {
			method,
			headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
			body: body === undefined ? undefined : JSON.stringify(body),
		});
		const text = await r.text();
		if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${text}`);
		return (text ? JSON.parse(text) : null) as T;
	}

	campaign(more: Record<string, unknown> = {}): Promise<Made> {
		return this.call<Made>("POST", "/campaigns", {
			title: "Straten om te leven",
			template: "campaign",
			languages: ["nl"],
			challenge: {
				title: "Hoe maken we de straat weer van iedereen?",
				text: "In onze straten staan vooral auto's. We zoeken ideeën om er weer te spelen, te zitten en elkaar te zien.",
				nodes: ["green_mobility", "social_innovation"],
				themes: ["Groen", "Spelen", "Ontmoeten"],
			},
			...more,
		});
	}

	async guest(c: Made, name: string, group = "citizen", organisation = ""): Promise<Guest> {
		const a = await this.call<{ token: string; participant: { id: string } }>("POST", "/join", { code: c.code, name, group, organisation, channel: "", key: randomUUID() }, "");
		return { id: a.participant.id, token: a.token, name };
	}

	/** Sends one command and gives the data of its reply. */
	async command(c: Made, token: string, type: string, data: unknown): Promise<Record<string, unknown>> {
		const a = await this.call<{ data?: Record<string, unknown>; error?: unknown }>("POST", `/campaigns/${c.id}/commands`, { id: randomUUID(), type, data }, token);
		if (a.error) throw new Error(`${type}: ${JSON.stringify(a.error)}`);
		return a.data ?? {};
	}

	async post(c: Made, by: Guest, title: string, more: Record<string, unknown> = {}): Promise<string> {
		return String((await this.command(c, by.token, "idea.post", { title, text: `Tekst van ${title}.`, innovation: ["service"], need: "", themes: [], ...more })).idea);
	}

	/** The address of an invitation. */
	async link(c: Made, role: "observer" | "facilitator" | "organiser"): Promise<string> {
		const { url } = await this.call<{ url: string }>("POST", `/campaigns/${c.id}/links`, { role });
		return url.replace(/^https?:\/\/[^/]+/, this.url);
	}

	/** The address that signs the operator in, once. */
	signIn(): string {
		const out = execFileSync(process.env.KIEM_BIN!, ["admin", "link", "--data", this.data]).toString();
		const found = /https?:\/\/\S+/.exec(out);
		if (!found) throw new Error(`no address in ${out}`);
		return found[0].replace(/^https?:\/\/[^/]+/, this.url);
	}

	/** The ideas as an export gives them. */
	async exported(c: Made): Promise<{ title: string; text: string; support: { total: number }; comments: { text: string }[] }[]> {
		return (await this.call<{ ideas: never[] }>("GET", `/campaigns/${c.id}/export?format=json`)).ideas;
	}
}

function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const s = createServer();
		s.once("error", reject);
		s.listen(0, "127.0.0.1", () => {
			const a = s.address();
			s.close(() => (typeof a === "object" && a ? resolve(a.port) : reject(new Error("no port"))));
		});
	});
}
