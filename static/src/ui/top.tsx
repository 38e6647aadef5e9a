/** The top of a page: the mark, the title, the state of the connection, and the settings. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { choose, isLanguage, language, languages, t } from "../i18n/index.ts";
import type { Room } from "../store/room.ts";
import { Box, Circles, Select } from "./fields.tsx";
import { Icon } from "./icons.tsx";
import { Logo } from "./logo.tsx";
import { follow } from "./route.ts";
import { Sheet } from "./sheet.tsx";
import { setTheme, theme, themes } from "./theme.ts";
import { newsSpoken, say, setNewsSpoken } from "./voice.tsx";

export function Top(props: {
	title: string;
	home?: string;
	room?: Room;
	children?: ComponentChildren;
	settings?: (close: () => void) => ComponentChildren;
}) {
	const open = useSignal(false);
	return (
		<>
			<a class="skip" href="#main">
				{t("ui.skip")}
			</a>
			<header class="top">
				<div class="top-in">
					<a
						class="brand"
						href={props.home ?? "/"}
						onClick={props.home?.startsWith("/c/") ? follow : undefined}
						aria-label={props.title ? t("ui.home") : undefined}
					>
						<Logo />
						{!props.title && <span>Kiem</span>}
					</a>
					<span class="top-title">{props.title}</span>
					{props.children}
					<button
						type="button"
						class="btn bare slim"
						aria-label={t("settings.title")}
						aria-haspopup="dialog"
						onClick={() => (open.value = true)}
					>
						<Icon name="settings" />
					</button>
				</div>
				{props.room && <Connection room={props.room} />}
			</header>
			{open.value && (
				<Sheet title={t("settings.title")} onClose={() => (open.value = false)}>
					<div class="stack wide">
						<Select
							label={t("settings.language")}
							value={language.value}
							options={Object.entries(languages).map(([value, name]) => ({ value, label: name }))}
							onValue={(v) => isLanguage(v) && void choose(v)}
						/>
						<Circles
							legend={t("settings.theme")}
							options={themes.map((value) => ({ value, label: t(`theme.${value}`) }))}
							chosen={theme.value}
							onChosen={(v) => setTheme(themes.find((x) => x === v) ?? "auto")}
							chips
						/>
						<Box checked={newsSpoken.value} onChecked={setNewsSpoken}>
							{t("settings.news")}
						</Box>
						{props.settings?.(() => (open.value = false))}
					</div>
				</Sheet>
			)}
		</>
	);
}

/** How long a cut lasts before the page speaks of it. */
const CALM_MS = 3000;

/** The state of the connection in words; nothing while all is well. */
export function Connection({ room }: { room: Room }) {
	const late = useSignal(false);
	const since = room.live.since.value;
	useEffect(() => {
		late.value = false;
		if (!since) return;
		const timer = setTimeout(() => (late.value = true), Math.max(0, since + CALM_MS - Date.now()));
		return () => clearTimeout(timer);
	}, [since]);
	const waiting = room.outbox.entries.value.filter(
		(e) => e.kept && (e.state === "ready" || e.state === "sent" || e.state === "saving"),
	).length;
	const text = connectionText(room, late.value, waiting);
	useEffect(() => {
		if (text) say(text);
	}, [text]);
	if (!text) return room.durability.value === "relaxed" && room.moderator.value ? <p class="line tag warn">{t("live.relaxed")}</p> : null;
	return (
		<p class="line row">
			<span class="tag warn">
				<Icon name="wifi-off" />
				{text}
			</span>
		</p>
	);
}

function connectionText(room: Room, late: boolean, waiting: number): string {
	if (room.live.state.value === "ended") {
		const code = room.live.ended.value;
		return code === 4101
			? t("live.removed")
			: code === 4103
				? t("live.toomany")
				: code === 4102
					? t("live.protocol")
					: code === 4100
						? t("live.signedout")
						: "";
	}
	if (!late || !room.live.since.value) return "";
	if (waiting > 0) return t("live.waiting", { n: waiting });
	return typeof navigator !== "undefined" && navigator.onLine === false ? t("live.offline") : t("live.reconnecting");
}
