// Made by hub/wire/gen from the Go messages of the protocol; do not edit.

/**
 * AdminStatus is GET /admin/status, for the operator of the server: how this node is, and what it knows of the others. It names campaigns by their ids, and
 * nobody at all.
 */
export interface AdminStatus {
	node: string;
	version: string;
	started_at: string;
	now: string;
	/** commands are taken */
	ready: boolean;
	/** why not, in the words of the log */
	trouble?: string;
	/** as in hello */
	durability: string;
	/** unsafe settings in force */
	warnings: Warning[];
	/** open sockets */
	connections: number;
	/** campaigns whose room is open on this node */
	awake: number;
	/** campaigns whose room is not */
	asleep: number;
	/** applied since the start */
	commands: number;
	/** applied since the start */
	entries: number;
	/** answers with an error since the start */
	refused: number;
	/** requests and commands refused as too fast since the start */
	rate_limited: number;
	/** the journal's writes to stable storage; with Redis one append, its fsync included */
	fsync: AdminLatency;
	/** what an answer waits for: the queue and the write */
	append: AdminLatency;
	/** the data directory of the embedded journal */
	disk?: AdminDisk;
	/** of several nodes */
	redis?: AdminRedis;
	/** of the rooms that are awake, the busiest first */
	heads: AdminHead[];
	/** the other nodes on the same Redis that spoke lately */
	nodes: AdminNode[];
}

/** Warning is an unsafe setting that is in force. */
export interface Warning {
	/** relaxed asserted rate_scale any_proxy */
	code: string;
	/** in the caller's language */
	message: string;
}

/** AdminLatency is how long something took in the last minutes. */
export interface AdminLatency {
	count: number;
	/** seconds */
	p50: number;
	/** seconds */
	p99: number;
	/** over how long a time this is */
	seconds: number;
}

/** AdminDisk is the space where the journal lives. */
export interface AdminDisk {
	/** bytes */
	free: number;
	/** bytes; with less, commands are refused */
	need: number;
}

/** AdminRedis is what the last check of Redis found. */
export interface AdminRedis {
	up: boolean;
	/** appends are sent */
	durable: boolean;
	/** why not, in the words of the log */
	trouble?: string;
	checked_at: string;
	servers: AdminServer[];
}

/** AdminServer is one Redis that takes writes. */
export interface AdminServer {
	/** its address, in a cluster */
	name?: string;
	version: string;
	role: string;
	/** absent, like the next: it may not be asked */
	appendonly?: string;
	appendfsync?: string;
	/** the last write to its file succeeded */
	write_ok: boolean;
	replicas: number;
}

/** AdminHead is how far a log has come. */
export interface AdminHead {
	log: string;
	entry: number;
	epoch: number;
	/** chain hash, hexadecimal */
	head: string;
	connections: number;
}

/** AdminNode is another node as it described itself. */
export interface AdminNode {
	node: string;
	version: string;
	started_at: string;
	heard_at: string;
	ready: boolean;
	connections: number;
	rooms: number;
}

/** The codes of protocol v1. */
export type Code =
	| "bad_request"
	| "too_large"
	| "unauthorised"
	| "forbidden"
	| "not_found"
	| "conflict"
	| "phase_closed"
	| "limit_reached"
	| "rate_limited"
	| "duplicate"
	| "resync"
	| "unavailable"
	| "internal";

/** the server is going away for a restart */
export const CloseRestart = 4001;

/** the client accepted nothing for too long */
export const CloseTooSlow = 4002;

export const CloseUnauthorised = 4100;

/** removed by a facilitator */
export const CloseRemoved = 4101;

/** repeated protocol errors */
export const CloseProtocol = 4102;

/** too many connections of one session */
export const CloseTooMany = 4103;

export const Subprotocol = "kiem.v1";

/** Error is a refusal: nothing changed. */
export interface Error {
	code: Code;
	/** a sentence in the caller's language */
	message: string;
	field?: string;
}

/** Reply answers one command: Seq and Data when it is durable and part of entry Seq, else Error. */
export interface Reply {
	/** "reply" */
	type: "reply";
	id: string;
	seq?: number;
	data?: unknown;
	error?: Error;
}

/** Hello is the first message on a socket. */
export interface Hello {
	/** "hello" */
	type: "hello";
	/** the head at connecting */
	seq: number;
	epoch: number;
	/** chain hash after Seq, hexadecimal */
	head: string;
	/** durable, relaxed, asserted */
	durability: string;
	me: Me;
	server_time: string;
	node: string;
	/** true: everything after the asked seq follows as events */
	resumed: boolean;
}

/** Events is what happened in (From, To]. */
export interface Events {
	/** "events" */
	type: "events";
	from: number;
	to: number;
	events?: Event[];
	/** by idea id, the newest value */
	tallies?: Record<string, Tally>;
	rounds?: Record<string, unknown>;
	presence?: Presence;
}

/**
 * Event is one change. Data depends on Type: IdeaEvent for idea.* and comment.*, Campaign for campaign.edit, StageEvent for stage.set,
 * Participant for participant.* and role.*.
 */
export interface Event {
	seq: number;
	type: string;
	at: string;
	/** participant id; absent for the clock and for what is pseudonymous */
	by?: string;
	data: unknown;
}

/** IdeaEvent is the data of events about an idea: the whole idea as the receiver may see it now. */
export interface IdeaEvent extends Idea {
	/** same as ID */
	idea: string;
	/** the comment that a comment.* event is about; absent otherwise */
	comment?: string;
}

/** StageEvent is the data of stage.set. */
export interface StageEvent {
	stage: string;
	open: Open;
}

/** Reset tells the client to fetch the snapshot again and to connect with its seq. */
export interface Reset {
	/** "reset" */
	type: "reset";
	reason: string;
}

/** Presence is how many people have the campaign open. While a round is open it moves in steps of 5. */
export interface Presence {
	online: number;
}

/**
 * Tally is the state of support for one idea. ByGroup holds released figures only: small groups are part of "other", figures are whole
 * multiples of settings.small_cell, rounded down, and lag the total until enough new ballots came in. They do not add up to the total.
 */
export interface Tally {
	support: number;
	against?: number;
	by_group: Record<string, number>;
}

/** Snapshot is GET /campaigns/{id}: the state as one audience may see it. */
export interface Snapshot {
	seq: number;
	epoch: number;
	campaign: Campaign;
	ideas: Idea[];
	/** ideas that match, of which Ideas is a page */
	total: number;
	rounds: unknown[];
	presence: Presence;
}

/** Campaign is what everybody in it may know about a campaign. */
export interface Campaign {
	id: string;
	title: string;
	/** campaign roundtable webinar study contest */
	template: string;
	code?: string;
	join_url?: string;
	challenge: Challenge;
	languages: string[];
	groups: string[];
	stages: string[];
	stage: string;
	open: Open;
	settings: Settings;
	created_at: string;
	/** people who ever joined */
	joined: number;
}

/** Open says what the current stage allows. */
export interface Open {
	posting: boolean;
	editing: boolean;
	comments: boolean;
	support: boolean;
}

/** Challenge is the question a campaign asks. */
export interface Challenge {
	id: string;
	title: string;
	text: string;
	nodes: string[];
	themes: string[];
}

/** Settings of a campaign that clients know. */
export interface Settings {
	attendance: number;
	/** post or pre */
	moderation: string;
	/** UTF-16 units */
	text_max: number;
	small_cell: number;
	/** declared or confirmed */
	group_check: string;
	/** whether support.set takes -1 */
	support_against: boolean;
}

/** Idea as one audience may see it. */
export interface Idea {
	id: string;
	challenge: string;
	title: string;
	text: string;
	/** posted waiting rejected hidden retracted; gone: no longer for the receiver's eyes */
	status: string;
	reason?: string;
	/** an edit waits for a moderator; what is shown here is that edit */
	review?: boolean;
	locked?: boolean;
	pinned?: boolean;
	/** moderators only */
	reports?: number;
	themes: string[];
	nodes: string[];
	innovation: string[];
	need: string;
	definition?: Definition;
	/** what a shortlist needs and the idea lacks: innovation need definition */
	incomplete?: string[];
	support: TallyOf;
	comments: Comment[];
	authors: Person[];
	lineage: Lineage;
	answer?: Answer;
	/** 1, counts edits */
	version: number;
	posted_at: string;
	edited_at?: string;
}

/** TallyOf is a Tally under the name that exports use for it: support.total. */
export interface TallyOf {
	total: number;
	against?: number;
	by_group: Record<string, number>;
}

/** Definition is the author's self-check of the two-part definition of social innovation. */
export interface Definition {
	/** aims structurally at a societal need */
	need: boolean;
	/** new or significantly improved */
	novelty: boolean;
}

/** Lineage tells where an idea came from and what became of it. */
export interface Lineage {
	from: string[];
	into: string[];
}

/** Answer is the organiser's official answer. */
export interface Answer {
	/** accepted rejected in_progress done */
	status: string;
	reason: string;
	at: string;
}

/** Comment on an idea. */
export interface Comment {
	id: string;
	reply_to?: string;
	/** experience expertise question concern support */
	kind: string;
	text: string;
	/** as Idea.Status */
	status: string;
	author: Person;
	at: string;
	edited?: boolean;
	/** as Idea.Review */
	review?: boolean;
}

/** Person is what others see of a participant. */
export interface Person {
	id: string;
	/** empty for one who was erased */
	name: string;
	group: string;
	organisation?: string;
	/** only if not participant */
	role?: string;
}

/** Participant is what moderators see, and what one sees of oneself. */
export interface Participant extends Person {
	/** a social innovator who earns an income on the market for the mission */
	entrepreneur?: boolean;
	channel?: string;
	muted?: boolean;
	removed?: boolean;
	joined_at: string;
}

/** Me is one's own part of a campaign: GET /campaigns/{id}/me and hello.me. */
export interface Me {
	id: string;
	name: string;
	group: string;
	role: string;
	muted?: boolean;
	/** command types one's role holds, whatever the stage */
	rights: string[];
	/** by idea id: 1 or -1 */
	support: Record<string, number>;
	/** one's own ideas that not everybody sees, with their real status */
	ideas: Idea[];
	authored: string[];
}

/** Session is the answer to a join. */
export interface Session {
	token: string;
	participant: Person;
	campaign: CampaignName;
}

/** CampaignName names a campaign. */
export interface CampaignName {
	id: string;
	title: string;
}

/** Created is the answer to POST /campaigns. */
export interface Created {
	id: string;
	code: string;
	join_url: string;
}

/** Listed is one of GET /campaigns. */
export interface Listed {
	id: string;
	title: string;
	code?: string;
	join_url?: string;
	role: string;
	stage: string;
	joined: number;
	ideas: number;
	/** items in the moderation queue */
	waiting: number;
	created_at: string;
}
