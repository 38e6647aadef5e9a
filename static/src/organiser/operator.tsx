/**
 * How the server is, for its operator: one picture, fetched anew every few seconds. It names campaigns by their ids and shows nobody. When it cannot be
 * fetched, the last picture stays and the page says how old it is.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { language, number, t } from "../i18n/index.ts";
import { ApiError, call, sentenceOf } from "../lib/api.ts";
import { bytes, duration, lasting } from "../lib/quantity.ts";
import type { AdminLatency, AdminRedis, AdminStatus } from "../protocol.ts";
import { Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Top } from "../ui/top.tsx";
import { alarm } from "../ui/voice.tsx";
import list from "./campaigns.module.css";
import style from "./operator.module.css";

/** How often the picture is fetched. */
const EVERY_MS = 5000;

export function Operator() {
	const status = useSignal<AdminStatus | null>(null);
	const failure = useSignal("");
	const shut = useSignal("");
	const paused = useSignal(false);
	const ready = useRef(true);
	const look = () =>
		call<AdminStatus>("GET", "/admin/status")
			.then((s) => {
				if (ready.current && !s.ready) alarm(t("operator.notready"));
				ready.current = s.ready;
				status.value = s;
				failure.value = "";
			})
			.catch((e) => {
				if (e instanceof ApiError && (e.status === 401 || e.status === 403)) {
					shut.value = e.status === 403 ? sentenceOf(e) : t("operator.signedout");
					status.value = null;
				} else failure.value = e instanceof ApiError && e.code === "offline" ? t("operator.away") : sentenceOf(e);
			});
	useEffect(() => {
		document.title = `${t("operator.title")} · Kiem`;
	}, []);
	useEffect(() => {
		if (paused.value || shut.value) return;
		void look();
		const again = () => void (document.visibilityState === "visible" && look());
		const timer = setInterval(again, EVERY_MS);
		document.addEventListener("visibilitychange", again);
		return () => {
			clearInterval(timer);
			document.removeEventListener("visibilitychange", again);
		};
	}, [paused.value, shut.value]);
	const s = status.value;
	return (
		<>
			<Top title="" />
			<main id="main" class={list.page} tabIndex={-1}>
				<div class="row apart">
					<h1>{t("operator.title")}</h1>
					{!shut.value && (
						<div class="row">
							<a class="btn bare" href="/organise">
								{t("organise.title")}
							</a>
							<button type="button" class="btn" aria-pressed={paused.value} onClick={() => (paused.value = !paused.value)}>
								{t("operator.pause")}
							</button>
						</div>
					)}
				</div>
				{shut.value && (
					<div class="card roomy stack">
						<p>{shut.value}</p>
						<p>
							<a href="/organise">{t("organise.title")}</a>
						</p>
					</div>
				)}
				<Wrong text={failure.value} />
				{!s && !failure.value && !shut.value && <p role="status">{t("ui.loading")}</p>}
				{s && <Picture s={s} />}
			</main>
		</>
	);
}

function Picture({ s }: { s: AdminStatus }) {
	return (
		<>
			<div class="stack">
				<p class="row">
					<span class={`tag ${s.ready ? "good" : "bad"}`}>
						<Icon name={s.ready ? "circle-check" : "circle-alert"} />
						{t(s.ready ? "operator.ready" : "operator.notready")}
					</span>
					<span class={`tag ${s.durability === "durable" ? "good" : "warn"}`}>{durability(s.durability)}</span>
					<span class="small quiet figures">{t("operator.asof", { time: clock(s.now) })}</span>
				</p>
				{s.trouble && (
					<div class="note bad">
						<Icon name="circle-alert" />
						<div class="stack tight">
							<p>{t("operator.trouble")}</p>
							<p class={style.code}>{s.trouble}</p>
						</div>
					</div>
				)}
				{s.warnings.length > 0 && (
					<div class="note warn">
						<Icon name="circle-alert" />
						<div class="stack tight">
							<p class="strong">{t("operator.warnings")}</p>
							<ul class="stack tight">
								{s.warnings.map((w) => (
									<li key={w.code}>{w.message}</li>
								))}
							</ul>
						</div>
					</div>
				)}
			</div>
			<Tiles s={s} />
			<Waits s={s} />
			{s.redis && <Redis redis={s.redis} now={s.now} />}
			<Nodes s={s} />
			<Heads s={s} />
		</>
	);
}

/** The durability in words; the word of the protocol for one that this page does not know. */
function durability(word: string): string {
	switch (word) {
		case "durable":
			return t("operator.durable");
		case "relaxed":
			return t("operator.relaxed");
		case "asserted":
			return t("operator.asserted");
	}
	return word;
}

/** The time of day as people write it, with seconds: whether the picture moves is part of what it says. */
function clock(iso: string): string {
	const nl = language.value === "nl";
	const time = new Intl.DateTimeFormat(nl ? "nl-BE" : "en-GB", { timeStyle: "medium" }).format(new Date(iso));
	return nl ? `${time.replaceAll(":", ".")} u.` : time;
}

const seconds = (from: string, to: string) => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);

function Tile(props: { name: string; value: string; more?: string }) {
	return (
		<div>
			<dt>{props.name}</dt>
			<dd class="figures">{props.value}</dd>
			{props.more && <dd class="figures">{props.more}</dd>}
		</div>
	);
}

function Tiles({ s }: { s: AdminStatus }) {
	return (
		<section aria-label={t("operator.figures")}>
			<dl class={`card ${style.tiles}`}>
				<Tile name={t("operator.connections")} value={number(s.connections)} />
				<Tile name={t("operator.awake")} value={number(s.awake)} more={t("operator.asleep", { n: s.asleep })} />
				<Tile name={t("operator.commands")} value={number(s.commands)} more={t("operator.refused", { n: s.refused })} />
				<Tile name={t("operator.limited")} value={number(s.rate_limited)} />
				{s.disk && (
					<Tile name={t("operator.disk")} value={bytes(s.disk.free)} more={t("operator.disk.need", { size: bytes(s.disk.need) })} />
				)}
				<Tile name={t("operator.up")} value={lasting(seconds(s.started_at, s.now))} more={s.version} />
			</dl>
		</section>
	);
}

/** A table that becomes a list of cards on a phone. */
function Table(props: { title: string; text?: string; heads: { name: string; figure?: boolean }[]; children: ComponentChildren }) {
	return (
		<section class="stack">
			<h2>{props.title}</h2>
			{props.text && <p class="quiet measure">{props.text}</p>}
			<div class={`card ${list.table}`}>
				<table>
					<caption class="hidden">{props.title}</caption>
					<thead>
						<tr>
							{props.heads.map((h) => (
								<th key={h.name} scope="col" class={h.figure ? list.number : undefined}>
									{h.name}
								</th>
							))}
						</tr>
					</thead>
					<tbody>{props.children}</tbody>
				</table>
			</div>
		</section>
	);
}

function Cell(props: { name: string; figure?: boolean; children: ComponentChildren }) {
	return (
		<td class={props.figure ? `figures ${list.number}` : undefined} data-label={props.name}>
			{props.children}
		</td>
	);
}

function Waits({ s }: { s: AdminStatus }) {
	const [many, half, most] = [t("operator.times"), t("operator.half"), t("operator.most")];
	const row = (name: string, l: AdminLatency) => (
		<tr>
			<th scope="row">{name}</th>
			<Cell name={many} figure>
				{number(l.count)}
			</Cell>
			<Cell name={half} figure>
				{l.count ? duration(l.p50) : "–"}
			</Cell>
			<Cell name={most} figure>
				{l.count ? duration(l.p99) : "–"}
			</Cell>
		</tr>
	);
	return (
		<Table
			title={t("operator.waits")}
			text={t("operator.waits.text", { time: lasting(s.fsync.seconds) })}
			heads={[{ name: t("operator.what") }, { name: many, figure: true }, { name: half, figure: true }, { name: most, figure: true }]}
		>
			{row(t(s.redis ? "operator.fsync.redis" : "operator.fsync"), s.fsync)}
			{row(t("operator.append"), s.append)}
		</Table>
	);
}

function Redis({ redis, now }: { redis: AdminRedis; now: string }) {
	const [server, role, only, sync, write, replicas] = [
		t("operator.redis.server"),
		t("operator.redis.role"),
		"appendonly",
		"appendfsync",
		t("operator.redis.write"),
		t("operator.redis.replicas"),
	];
	return (
		<div class="stack">
			<Table
				title="Redis"
				text={t(redis.up ? "operator.redis.checked" : "operator.redis.down", { time: lasting(seconds(redis.checked_at, now)) })}
				heads={[{ name: server }, { name: role }, { name: only }, { name: sync }, { name: write }, { name: replicas, figure: true }]}
			>
				{redis.servers.map((r) => (
					<tr key={r.name}>
						<th scope="row">
							{r.name ?? "Redis"}
							<span class="small quiet">{r.version}</span>
						</th>
						<Cell name={role}>{r.role}</Cell>
						<Cell name={only}>{r.appendonly ?? "?"}</Cell>
						<Cell name={sync}>{r.appendfsync ?? "?"}</Cell>
						<Cell name={write}>
							<span class={`tag ${r.write_ok ? "good" : "bad"}`}>{t(r.write_ok ? "operator.ok" : "operator.failed")}</span>
						</Cell>
						<Cell name={replicas} figure>
							{number(r.replicas)}
						</Cell>
					</tr>
				))}
			</Table>
			{redis.trouble && (
				<div class="note bad">
					<Icon name="circle-alert" />
					<p class={style.code}>{redis.trouble}</p>
				</div>
			)}
		</div>
	);
}

function Nodes({ s }: { s: AdminStatus }) {
	const [node, state, up, conns, rooms] = [
		t("operator.node"),
		t("operator.state"),
		t("operator.up"),
		t("operator.connections"),
		t("operator.rooms"),
	];
	return (
		<Table
			title={t("operator.nodes")}
			text={s.redis ? undefined : t("operator.nodes.one")}
			heads={[{ name: node }, { name: state }, { name: up }, { name: conns, figure: true }, { name: rooms, figure: true }]}
		>
			{[
				{
					node: s.node,
					version: s.version,
					ready: s.ready,
					started_at: s.started_at,
					connections: s.connections,
					rooms: s.awake + 1,
					self: true,
				},
				...s.nodes.map((n) => ({ ...n, self: false })),
			].map((n) => (
				<tr key={n.node}>
					<th scope="row">
						<code class={style.code}>{n.node}</code>
						<span class="small quiet">
							{n.version}
							{n.self && <> · {t("operator.self")}</>}
						</span>
					</th>
					<Cell name={state}>
						<span class={`tag ${n.ready ? "good" : "bad"}`}>{t(n.ready ? "operator.ok" : "operator.notok")}</span>
					</Cell>
					<Cell name={up}>{lasting(seconds(n.started_at, s.now))}</Cell>
					<Cell name={conns} figure>
						{number(n.connections)}
					</Cell>
					<Cell name={rooms} figure>
						{number(n.rooms)}
					</Cell>
				</tr>
			))}
		</Table>
	);
}

function Heads({ s }: { s: AdminStatus }) {
	const [log, conns, entry, epoch, head] = [
		t("operator.log"),
		t("operator.connections"),
		t("operator.entry"),
		t("operator.epoch"),
		t("operator.head"),
	];
	return (
		<Table
			title={t("operator.heads")}
			text={t("operator.heads.text")}
			heads={[{ name: log }, { name: conns, figure: true }, { name: entry, figure: true }, { name: epoch, figure: true }, { name: head }]}
		>
			{s.heads.map((h) => (
				<tr key={h.log}>
					<th scope="row">{h.log.startsWith("c:") ? <code class={style.code}>{h.log.slice(2)}</code> : t("operator.directory")}</th>
					<Cell name={conns} figure>
						{number(h.connections)}
					</Cell>
					<Cell name={entry} figure>
						{number(h.entry)}
					</Cell>
					<Cell name={epoch} figure>
						{number(h.epoch)}
					</Cell>
					<Cell name={head}>
						<code class={style.code}>{h.head.slice(0, 16)}</code>
					</Cell>
				</tr>
			))}
		</Table>
	);
}
