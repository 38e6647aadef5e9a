/**
 * The board is a campaign as this person may see it: a snapshot, and the events after it.
 *
 * Events carry the whole idea as it is now, so applying one is replacing; an idea with status "gone" is no longer for our eyes. Tallies are
 * state, the newest wins. What arrives is taken in at once and shown at most ten times a second: signals change only in flush.
 */
import { batch, type Signal, signal } from "@preact/signals";
import type { Campaign, Events, Idea, IdeaEvent, Me, Participant, Person, Presence, Snapshot, StageEvent, Tally } from "../protocol.ts";

/** What taking in an events message came to. */
export type Taken = "applied" | "old" | "gap";

export class Board {
	/** The journal entry up to which everything is applied. */
	seq = 0;
	epoch = 0;

	readonly campaign = signal<Campaign | null>(null);
	readonly online = signal(0);
	/** The ids of all ideas, in the order in which they were posted. */
	readonly ids = signal<readonly string[]>([]);
	/** Grows by one whenever the set of ideas or the content of one changes, tallies aside. */
	readonly changes = signal(0);

	private truth = new Map<string, Idea>();
	private shown = new Map<string, Signal<Idea>>();
	private dirty = new Set<string>();
	private setChanged = false;
	private contentChanged = false;
	private nextCampaign: Campaign | null = null;
	private nextOnline = 0;
	/** Participants that events told of, newest value by id: the console keeps its list fresh with them. */
	readonly people = signal<ReadonlyMap<string, Participant>>(new Map());
	private nextPeople: Map<string, Participant> | null = null;

	/** schedule calls flush soon, and at most ten times a second. */
	constructor(private schedule: () => void) {}

	/** An idea to draw; undefined when it was never known. */
	idea(id: string): Signal<Idea> | undefined {
		return this.shown.get(id);
	}

	/** The newest value, shown or not. */
	known(id: string): Idea | undefined {
		return this.truth.get(id);
	}

	load(s: Snapshot): void {
		this.seq = s.seq;
		this.epoch = s.epoch;
		const fresh = new Set<string>();
		for (const raw of s.ideas ?? []) {
			fresh.add(raw.id);
			this.replace(raw);
		}
		for (const [id, idea] of this.truth) {
			if (!fresh.has(id) && idea.status !== "gone") this.replace({ ...idea, ...emptied });
		}
		this.nextCampaign = tidyCampaign(s.campaign);
		this.nextOnline = s.presence?.online ?? 0;
		this.flush();
	}

	/** One's own ideas that others do not see, with their real status. */
	own(me: Me): void {
		for (const idea of me.ideas ?? []) this.replace(idea);
		this.schedule();
	}

	apply(m: Events): Taken {
		if (m.from > this.seq) return "gap";
		const old = m.to < this.seq;
		for (const e of m.events ?? []) {
			if (e.seq > this.seq) this.event(e.type, e.data);
		}
		if (!old) {
			for (const [id, tally] of Object.entries(m.tallies ?? {})) this.tally(id, tally);
			if (m.presence) this.presence(m.presence);
			this.seq = m.to;
		}
		this.schedule();
		return old ? "old" : "applied";
	}

	/** Shows what was taken in. */
	flush(): void {
		batch(() => {
			for (const id of this.dirty) {
				const idea = this.truth.get(id)!;
				const s = this.shown.get(id);
				if (s) s.value = idea;
				else this.shown.set(id, signal(idea));
			}
			this.dirty.clear();
			if (this.setChanged) {
				this.setChanged = false;
				this.ids.value = [...this.truth.keys()];
			}
			if (this.contentChanged) {
				this.contentChanged = false;
				this.changes.value++;
			}
			if (this.nextCampaign) {
				this.campaign.value = this.nextCampaign;
				this.nextCampaign = null;
			}
			this.online.value = this.nextOnline;
			if (this.nextPeople) {
				this.people.value = this.nextPeople;
				this.nextPeople = null;
			}
		});
	}

	private event(type: string, data: unknown): void {
		const family = type.slice(0, type.indexOf("."));
		if (family === "idea" || family === "comment") {
			const d = data as IdeaEvent;
			this.replace(d);
		} else if (type === "stage.set") {
			const d = data as StageEvent;
			const c = this.nextCampaign ?? this.campaign.value;
			if (c) this.nextCampaign = { ...c, stage: d.stage, open: d.open };
		} else if (type === "campaign.edit") {
			// The code and the address are the directory's, and not in every event.
			const before = this.nextCampaign ?? this.campaign.value;
			this.nextCampaign = { code: before?.code, join_url: before?.join_url, ...tidyCampaign(data as Campaign) };
		} else if (family === "participant" || family === "role") {
			const p = data as Participant;
			if (!p?.id) return;
			this.nextPeople ??= new Map(this.people.value);
			this.nextPeople.set(p.id, p);
			if (type === "participant.rename") this.rename(p);
		}
	}

	private replace(raw: Idea): void {
		const before = this.truth.get(raw.id);
		const idea = raw.status === "gone" && before ? { ...before, ...emptied } : tidy(raw);
		if (!before) {
			if (raw.status === "gone") return;
			this.setChanged = true;
		}
		this.truth.set(raw.id, idea);
		this.dirty.add(raw.id);
		this.contentChanged = true;
	}

	/** Puts a new name wherever the person stands. */
	private rename(p: Person): void {
		const by = (x: Person) => (x?.id === p.id ? { ...x, name: p.name, organisation: p.organisation } : x);
		for (const [id, idea] of this.truth) {
			const written = idea.authors.some((a) => a.id === p.id);
			const spoken = idea.comments.some((c) => c.author?.id === p.id);
			if (!written && !spoken) continue;
			this.truth.set(id, {
				...idea,
				authors: idea.authors.map(by),
				comments: idea.comments.map((c) => ({ ...c, author: by(c.author) })),
			});
			this.dirty.add(id);
			this.contentChanged = true;
		}
	}

	private tally(id: string, tally: Tally): void {
		const idea = this.truth.get(id);
		if (!idea) return;
		this.truth.set(id, { ...idea, support: { total: tally.support, against: tally.against ?? 0, by_group: tally.by_group ?? {} } });
		this.dirty.add(id);
	}

	private presence(p: Presence): void {
		this.nextOnline = p.online;
	}
}

/** What is left of an idea that is gone: its place in the list, and nothing to read. */
const emptied = {
	status: "gone",
	title: "",
	text: "",
	need: "",
	reason: "",
	comments: [],
	authors: [],
	themes: [],
	nodes: [],
	innovation: [],
} satisfies Partial<Idea>;

/** An idea with a list where the protocol may leave one out. */
function tidy(i: Idea): Idea {
	return {
		...i,
		title: i.title ?? "",
		text: i.text ?? "",
		need: i.need ?? "",
		themes: i.themes ?? [],
		nodes: i.nodes ?? [],
		innovation: i.innovation ?? [],
		comments: i.comments ?? [],
		authors: i.authors ?? [],
		lineage: { from: i.lineage?.from ?? [], into: i.lineage?.into ?? [] },
		support: { total: i.support?.total ?? 0, against: i.support?.against ?? 0, by_group: i.support?.by_group ?? {} },
	};
}

function tidyCampaign(c: Campaign): Campaign {
	return {
		...c,
		groups: c.groups ?? [],
		stages: c.stages ?? [],
		languages: c.languages ?? [],
		challenge: { ...c.challenge, nodes: c.challenge?.nodes ?? [], themes: c.challenge?.themes ?? [] },
	};
}
