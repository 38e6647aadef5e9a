/** The participants, and what a moderator can do with one. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { label, moment, t } from "../i18n/index.ts";
import { call, sentenceOf } from "../lib/api.ts";
import { decide } from "../parts/decide.ts";
import { nameOf } from "../parts/idea.tsx";
import type { Participant } from "../protocol.ts";
import { plain } from "../store/listing.ts";
import type { Room } from "../store/room.ts";
import { Select, TextField, Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { Confirm } from "../ui/sheet.tsx";
import style from "./console.module.css";

const SLICE = 100;
const roles = ["participant", "facilitator", "organiser", "observer"] as const;

export function PeoplePanel({ room }: { room: Room }) {
	const fetched = useSignal<Participant[] | null>(null);
	const failure = useSignal("");
	const query = useSignal("");
	const most = useSignal(SLICE);
	useEffect(() => {
		call<{ participants: Participant[] | null }>("GET", `/campaigns/${room.id}/participants`)
			.then((a) => {
				fetched.value = a.participants ?? [];
			})
			.catch((e) => {
				failure.value = sentenceOf(e);
			});
	}, [room]);
	// Events since then are newer than the list; a person who is only in events has just joined.
	const events = room.board.people.value;
	const all = new Map((fetched.value ?? []).map((p) => [p.id, p]));
	if (fetched.value) for (const [id, p] of events) all.set(id, { ...all.get(id), ...p });
	const words = plain(query.value.trim());
	const list = [...all.values()].filter(
		(p) => !words || plain(`${p.name} ${p.organisation ?? ""} ${label("group", p.group)}`).includes(words),
	);
	return (
		<section class={`stack ${style.narrow}`} aria-label={t("people.title")}>
			<Wrong text={failure.value} />
			{!fetched.value && !failure.value && <p role="status">{t("ui.loading.people")}</p>}
			{fetched.value && (
				<>
					<TextField label={t("people.search")} type="search" value={query.value} onValue={(v) => (query.value = v)} />
					<p class="quiet">{t("people.count", { n: list.length })}</p>
					<ul class="stack tight">
						{list.slice(0, most.value).map((p) => (
							<Person key={p.id} room={room} person={p} />
						))}
					</ul>
					{list.length > most.value && (
						<button type="button" class="btn" onClick={() => (most.value += SLICE)}>
							{t("people.more")}
						</button>
					)}
				</>
			)}
		</section>
	);
}

function Person({ room, person }: { room: Room; person: Participant }) {
	const asking = useSignal<"" | "rename" | "remove">("");
	const name = useSignal(person.name);
	const self = person.id === room.me.value?.id;
	const shownName = nameOf(person);
	return (
		<li class={`card ${style.person}`}>
			<div class="stack tight">
				<p>
					<span class="strong">{shownName}</span> {self && <span class="quiet">({t("people.you")})</span>}
				</p>
				<p class="small quiet">
					{label("group", person.group)}
					{person.organisation && <> · {person.organisation}</>}
					{person.entrepreneur && <> · {t("people.entrepreneur")}</>}
					{person.joined_at && <> · {t("people.joined", { when: moment(person.joined_at, room.now()) })}</>}
				</p>
				<p class="row">
					{person.role && person.role !== "participant" && <span class="tag info">{label("role", person.role)}</span>}
					{person.muted && <span class="tag warn">{t("people.muted")}</span>}
					{person.removed && <span class="tag bad">{t("people.removed")}</span>}
				</p>
			</div>
			{!person.removed && (
				<div class="row">
					{room.can("role.grant") && !self && (
						<Select
							label={t("people.role", { name: shownName })}
							hideLabel
							value={person.role || "participant"}
							options={roles.map((value) => ({ value, label: label("role", value) }))}
							onValue={(role) =>
								void decide(
									room,
									role === "participant" ? "role.revoke" : "role.grant",
									role === "participant" ? { participant: person.id } : { participant: person.id, role },
									t("people.role.done", { name: shownName, role: label("role", role) }),
								)
							}
						/>
					)}
					<button type="button" class="btn" aria-label={`${t("people.rename")}, ${shownName}`} onClick={() => (asking.value = "rename")}>
						<Icon name="pencil" />
						{t("people.rename")}
					</button>
					{!self && (
						<>
							<button
								type="button"
								class="btn"
								aria-label={`${t(person.muted ? "people.unmute" : "people.mute")}, ${shownName}`}
								onClick={() =>
									void decide(
										room,
										"participant.mute",
										{ participant: person.id, muted: !person.muted },
										t(person.muted ? "people.unmute.done" : "people.mute.done", { name: shownName }),
									)
								}
							>
								<Icon name={person.muted ? "mic" : "mic-off"} />
								{person.muted ? t("people.unmute") : t("people.mute")}
							</button>
							<button
								type="button"
								class="btn danger"
								aria-label={`${t("people.remove")}, ${shownName}`}
								onClick={() => (asking.value = "remove")}
							>
								<Icon name="log-out" />
								{t("people.remove")}
							</button>
						</>
					)}
				</div>
			)}
			{asking.value === "rename" && (
				<Confirm
					title={t("people.rename.title", { name: shownName })}
					yes={t("people.rename.yes")}
					onNo={() => (asking.value = "")}
					onYes={() => {
						if (!name.value.trim()) return;
						asking.value = "";
						void decide(room, "participant.rename", { participant: person.id, name: name.value.trim() }, t("people.rename.done"));
					}}
				>
					<TextField label={t("people.name")} value={name.value} onValue={(v) => (name.value = v)} max={60} />
				</Confirm>
			)}
			{asking.value === "remove" && (
				<Confirm
					title={t("people.remove.title", { name: shownName })}
					yes={t("people.remove")}
					danger
					onNo={() => (asking.value = "")}
					onYes={() => {
						asking.value = "";
						void decide(room, "participant.remove", { participant: person.id, reason: "" }, t("people.remove.done", { name: shownName }));
					}}
				>
					<p>{t("people.remove.text")}</p>
				</Confirm>
			)}
		</li>
	);
}
