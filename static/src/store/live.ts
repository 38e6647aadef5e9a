/**
 * The live connection: one socket at a time, made again after every cut, resuming after the last journal entry that was seen.
 *
 * Attempts are spread: after a failure the wait doubles up to a limit and is drawn at random from its upper half, so that a hall full of phones does not come
 * back in one moment. A close code of 4100 to 4199 ends it for good.
 */
import { signal } from "@preact/signals";
import { CloseRestart, type Events, type Hello, type Reply, type Reset, Subprotocol } from "../protocol.ts";

export type Message = Hello | Reply | Events | Reset;
export type LiveState = "idle" | "connecting" | "open" | "waiting" | "ended";

/** What a live connection needs of the world. */
export interface Air {
	socket(url: string, protocol: string): WebSocket;
	later(fn: () => void, ms: number): number;
	cancel(timer: number): void;
	random(): number;
	now(): number;
}

export interface Ears {
	/** Where to connect; asked anew each time, because it says after which entry to go on. */
	url(): string;
	message(m: Message): void;
	closed(): void;
	/** Several attempts did not even reach hello: is there still a session? Resolves to false when there is none. */
	probe(): Promise<boolean>;
}

const FIRST_MS = 400;
const LONGEST_MS = 20_000;
/** Attempts after which probe is asked. */
const PROBE_AFTER = 2;
/** How long opening and saying hello may take. */
const HELLO_MS = 15_000;

export class Live {
	readonly state = signal<LiveState>("idle");
	/** When the last connection was lost, milliseconds; 0 while one stands. */
	readonly since = signal(0);
	/** The close code that ended it, or 4100 when the session was found to be gone. */
	readonly ended = signal(0);

	private socket: WebSocket | null = null;
	private timer = 0;
	private failures = 0;

	constructor(
		private air: Air,
		private ears: Ears,
	) {}

	start(): void {
		if (this.state.value === "idle") this.connect();
	}

	/** Ends this connection and makes another at once: it is held for dead, or the place to resume from has changed. */
	again(): void {
		if (this.state.value === "ended" || this.state.value === "idle") return;
		this.drop();
		this.connect();
	}

	/** The device says that there is no network. */
	offline(): void {
		if (this.state.value === "ended" || this.state.value === "idle") return;
		this.drop();
		this.wait(LONGEST_MS * 2);
	}

	/** The device says that there is a network, or the person looks at the page again. */
	online(): void {
		if (this.state.value !== "waiting") return;
		this.failures = 0;
		this.air.cancel(this.timer);
		this.connect();
	}

	stop(code = 1000): void {
		this.drop();
		this.air.cancel(this.timer);
		this.ended.value = code;
		this.state.value = "ended";
	}

	send(frame: object): boolean {
		if (this.state.value !== "open" || this.socket?.readyState !== 1) return false;
		this.socket.send(JSON.stringify(frame));
		return true;
	}

	private connect(): void {
		this.air.cancel(this.timer);
		this.state.value = "connecting";
		let socket: WebSocket;
		try {
			socket = this.air.socket(this.ears.url(), Subprotocol);
		} catch {
			this.failed(0);
			return;
		}
		this.socket = socket;
		const mine = () => this.socket === socket;
		this.timer = this.air.later(() => {
			if (mine() && this.state.value === "connecting") {
				this.drop();
				this.failed(0);
			}
		}, HELLO_MS);
		socket.onmessage = (e: MessageEvent) => {
			if (!mine() || typeof e.data !== "string") return;
			let m: Message;
			try {
				m = JSON.parse(e.data) as Message;
			} catch {
				return;
			}
			if (m.type === "hello") {
				this.air.cancel(this.timer);
				this.failures = 0;
				this.since.value = 0;
				this.state.value = "open";
			}
			this.ears.message(m);
		};
		socket.onclose = (e: CloseEvent) => {
			if (!mine()) return;
			this.socket = null;
			this.ears.closed();
			this.failed(e.code);
		};
		socket.onerror = () => {}; // close follows
	}

	private failed(code: number): void {
		if (code >= 4100 && code < 4200) {
			this.stop(code);
			return;
		}
		if (!this.since.value) this.since.value = this.air.now();
		if (code === CloseRestart) {
			this.wait(2 * FIRST_MS + this.air.random() * 2_000);
			return;
		}
		this.failures++;
		if (this.failures >= PROBE_AFTER) {
			void this.ears.probe().then((there) => {
				if (!there && this.state.value !== "open") this.stop(4100);
			});
		}
		const most = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.failures);
		this.wait(most * (0.5 + this.air.random() / 2));
	}

	private wait(ms: number): void {
		if (this.state.value === "ended") return;
		if (!this.since.value) this.since.value = this.air.now();
		this.state.value = "waiting";
		this.air.cancel(this.timer);
		this.timer = this.air.later(() => this.connect(), ms);
	}

	/** Lets go of the socket without hearing more of it. */
	private drop(): void {
		const socket = this.socket;
		this.socket = null;
		this.air.cancel(this.timer);
		if (!socket) return;
		this.ears.closed();
		try {
			socket.close();
		} catch {
			// It was not open.
		}
	}
}
