/**
 * Signing in with a link, and taking up an invitation. The token stands after the # of the address, so it reaches no log; nothing happens before the
 * person presses the button, so a mail scanner that follows links uses nothing up.
 */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { call, sentenceOf } from "../lib/api.ts";
import { TextField, Wrong } from "../ui/fields.tsx";
import { Top } from "../ui/top.tsx";
import { alarm } from "../ui/voice.tsx";

/** The token of this page, once: it leaves the address and the history. */
let token = decodeURIComponent(location.hash.slice(1));
if (token && (location.pathname === "/signin" || location.pathname === "/invite")) history.replaceState(null, "", location.pathname);

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
	useEffect(() => {
		document.title = `${title} · Kiem`;
	}, [title]);
	return (
		<>
			<Top title="" />
			<main id="main" class="gate stack wide" tabIndex={-1}>
				<h1>{title}</h1>
				{children}
			</main>
		</>
	);
}

export function SignInPage() {
	const wrong = useSignal("");
	const busy = useSignal(false);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		busy.value = true;
		try {
			await call("POST", "/signin", { token });
			token = "";
			location.replace("/organise");
		} catch (x) {
			busy.value = false;
			wrong.value = sentenceOf(x);
			alarm(wrong.value);
		}
	};
	return (
		<Frame title={t("signin.title")}>
			{token ? (
				<form class="card roomy stack" onSubmit={submit}>
					<p>{t("signin.text")}</p>
					<button type="submit" class="btn main large" aria-disabled={busy.value}>
						{t("signin.submit")}
					</button>
					<Wrong text={wrong.value} />
				</form>
			) : (
				<NoToken />
			)}
		</Frame>
	);
}

/** The answer to POST /invite. */
interface Taken {
	campaign: { id: string };
	role: string;
}

export function InvitePage() {
	const name = useSignal("");
	const wrong = useSignal("");
	const busy = useSignal(false);
	const submit = async (e: Event) => {
		e.preventDefault();
		if (busy.value) return;
		busy.value = true;
		try {
			const taken = await call<Taken>("POST", "/invite", { token, name: name.value.trim() });
			token = "";
			const moderates = taken.role === "facilitator" || taken.role === "organiser";
			location.replace(`/c/${taken.campaign.id}/${taken.role === "observer" ? "screen" : moderates ? "console" : ""}`);
		} catch (x) {
			busy.value = false;
			wrong.value = sentenceOf(x);
			alarm(wrong.value);
		}
	};
	return (
		<Frame title={t("invited.title")}>
			{token ? (
				<form class="card roomy stack" onSubmit={submit} noValidate>
					<p>{t("invited.text")}</p>
					<TextField
						label={t("join.name")}
						hint={t("invited.name.hint")}
						optional
						value={name.value}
						onValue={(v) => (name.value = v)}
						max={60}
						autocomplete="name"
					/>
					<button type="submit" class="btn main large" aria-disabled={busy.value}>
						{t("invited.submit")}
					</button>
					<Wrong text={wrong.value} />
				</form>
			) : (
				<NoToken />
			)}
		</Frame>
	);
}

function NoToken() {
	return (
		<div class="stack">
			<p class="note warn">{t("signin.nolink")}</p>
			<p>
				<a href="/">{t("gate.home")}</a>
			</p>
		</div>
	);
}
