/** Joining: the code, then who you are. Two taps from a scan to the ideas. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { label, language, t } from "../i18n/index.ts";
import { ApiError, call, sentenceOf } from "../lib/api.ts";
import { readable, tidyCode } from "../lib/code.ts";
import { memo } from "../lib/memo.ts";
import { uuid } from "../lib/uuid.ts";
import { ChallengeText } from "../parts/challenge.tsx";
import type { Me, Session } from "../protocol.ts";
import { Box, Circles, TextField, Wrong } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";
import { go } from "../ui/route.ts";
import { Top } from "../ui/top.tsx";
import { alarm } from "../ui/voice.tsx";
import style from "./join.module.css";

/** GET /codes/{code} */
export interface Invitation {
	id: string;
	title: string;
	stage: string;
	groups: string[];
	languages: string[];
	challenge: { title: string; text: string };
}

export function CodePage() {
	return (
		<>
			<Top title="" />
			<main id="main" class={style.page}>
				<div class={style.hero}>
					<h1 class={style.slogan}>{t("join.slogan")}</h1>
					<p class="measure">{t("join.about")}</p>
				</div>
				<CodeForm />
				<p>
					<a href="/organise">{t("join.organisers")}</a>
				</p>
			</main>
		</>
	);
}

/** Asks for a code and goes to its campaign. */
export function CodeForm({ start = "", why }: { start?: string; why?: string }) {
	const code = useSignal(start);
	const wrong = useSignal("");
	const busy = useSignal(false);
	const input = useRef<HTMLInputElement>(null);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		const tidy = tidyCode(code.value);
		wrong.value = tidy ? "" : t("join.code.empty");
		if (tidy) {
			busy.value = true;
			try {
				await call<Invitation>("GET", `/codes/${encodeURIComponent(tidy)}`);
				go(`/j/${tidy}${location.search}`);
			} catch (x) {
				wrong.value = x instanceof ApiError && x.status === 404 ? t("join.code.unknown") : sentenceOf(x);
			}
			busy.value = false;
		}
		if (wrong.value) {
			alarm(wrong.value);
			input.current?.focus();
		}
	};
	return (
		<form class="card roomy stack" onSubmit={submit} noValidate>
			{why && <p class="note warn">{why}</p>}
			<TextField
				label={t("join.code")}
				hint={t("join.code.hint")}
				value={code.value}
				onValue={(v) => (code.value = v)}
				wrong={wrong.value}
				autocapitalize="characters"
				spellcheck={false}
				inputRef={input}
			/>
			<button type="submit" class="btn main large" aria-disabled={busy.value}>
				{t("join.go")}
			</button>
		</form>
	);
}

const everyGroup = ["citizen", "civil_society", "firm", "knowledge", "government"];

export function JoinPage({ code }: { code: string }) {
	const invitation = useSignal<Invitation | null>(null);
	const failure = useSignal("");
	const already = useSignal<Me | null>(null);
	useEffect(() => {
		let there = true;
		call<Invitation>("GET", `/codes/${encodeURIComponent(code)}`)
			.then((i) => {
				if (!there) return;
				invitation.value = i;
				document.title = `${i.title} · Kiem`;
				if (!memo.get(`joined.${i.id}`)) return;
				call<Me>("GET", `/campaigns/${i.id}/me`)
					.then((me) => {
						if (there) already.value = me;
					})
					.catch(() => {});
			})
			.catch((e) => {
				if (there) failure.value = e instanceof ApiError && e.status === 404 ? t("join.code.unknown") : sentenceOf(e);
			});
		return () => {
			there = false;
		};
	}, [code]);
	const i = invitation.value;
	return (
		<>
			<Top title="" />
			<main id="main" class={style.page}>
				{!i && !failure.value && <p role="status">{t("ui.loading")}</p>}
				{failure.value && (
					<>
						<h1>{t("join.failed")}</h1>
						<CodeForm start={readable(code)} why={failure.value} />
					</>
				)}
				{i && (
					<>
						<div class="stack tight">
							<p class="quiet strong">{i.title}</p>
							<h1>{i.challenge.title || i.title}</h1>
							<p>
								<span class="tag good">{t("join.now", { stage: label("stage", i.stage) })}</span>
							</p>
							<ChallengeText text={i.challenge.text} />
						</div>
						{already.value ? (
							<Already me={already.value} id={i.id} onOther={() => (already.value = null)} />
						) : (
							<JoinForm code={code} invitation={i} />
						)}
					</>
				)}
			</main>
		</>
	);
}

function Already({ me, id, onOther }: { me: Me; id: string; onOther: () => void }) {
	return (
		<div class="card roomy stack">
			<p>{me.name ? t("join.already.name", { name: me.name }) : t("join.already")}</p>
			<button type="button" class="btn main large" onClick={() => go(`/c/${id}`)}>
				{t("join.continue")}
			</button>
			<button type="button" class="btn bare" onClick={onOther}>
				{t("join.other")}
			</button>
		</div>
	);
}

function JoinForm({ code, invitation }: { code: string; invitation: Invitation }) {
	const groups = invitation.groups?.length ? invitation.groups : everyGroup;
	const name = useSignal("");
	const group = useSignal(groups[0]!);
	const organisation = useSignal("");
	const entrepreneur = useSignal(false);
	const busy = useSignal(false);
	const wrong = useSignal<{ field: string; text: string } | null>(null);
	const at = (field: string) => (wrong.value?.field === field ? wrong.value.text : "");
	const organised = group.value !== "citizen";
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		busy.value = true;
		wrong.value = null;
		// The key names this join until it is answered: sent again, also after a reload, it gives the same participant.
		const slot = `join.${code}`;
		const said = JSON.stringify([name.value.trim(), group.value, organised ? organisation.value.trim() : "", entrepreneur.value]);
		const [keptKey, keptSaid] = (memo.get(slot) ?? "").split("\n");
		const key = keptKey && keptSaid === said ? keptKey : uuid();
		memo.set(slot, `${key}\n${said}`);
		const body: Record<string, unknown> = {
			code,
			name: name.value.trim(),
			group: group.value,
			organisation: organised ? organisation.value.trim() : "",
			channel: new URLSearchParams(location.search).get("k")?.slice(0, 40) ?? "",
			key,
		};
		if (entrepreneur.value) body.entrepreneur = true;
		try {
			const session = await call<Session>("POST", "/join", body);
			memo.remove(slot);
			memo.set(`joined.${session.campaign.id}`, "1");
			memo.set(`code.${session.campaign.id}`, code);
			go(`/c/${session.campaign.id}`, { replace: true });
		} catch (x) {
			if (x instanceof ApiError && x.status >= 400 && x.status < 500) memo.remove(slot);
			const field = x instanceof ApiError && ["name", "organisation", "group"].includes(x.field) ? x.field : "";
			wrong.value = { field, text: sentenceOf(x) };
			alarm(wrong.value.text);
			busy.value = false;
		}
	};
	return (
		<form class="card roomy stack wide" onSubmit={submit} noValidate lang={language.value}>
			<Circles
				legend={t("join.group")}
				options={groups.map((g) => ({ value: g, label: label("group", g) }))}
				chosen={group.value}
				onChosen={(g) => (group.value = g)}
				wrong={at("group")}
				chips
			/>
			<TextField
				label={t("join.name")}
				hint={t("join.name.hint")}
				optional
				value={name.value}
				onValue={(v) => (name.value = v)}
				max={60}
				wrong={at("name")}
				autocomplete="nickname"
				name="name"
			/>
			{organised && (
				<TextField
					label={t("join.organisation")}
					optional
					value={organisation.value}
					onValue={(v) => (organisation.value = v)}
					wrong={at("organisation")}
					autocomplete="organization"
					name="organisation"
				/>
			)}
			<Box checked={entrepreneur.value} onChecked={(on) => (entrepreneur.value = on)}>
				{t("join.entrepreneur")} <span class="hint">{t("join.entrepreneur.hint")}</span>
			</Box>
			<Wrong text={at("")} />
			<button type="submit" class="btn main large" aria-disabled={busy.value}>
				{busy.value ? t("join.busy") : t("join.submit")}
			</button>
			<p class="hint row">
				<Icon name="shield-check" />
				<span class="grow">{t("join.data")}</span>
			</p>
		</form>
	);
}
