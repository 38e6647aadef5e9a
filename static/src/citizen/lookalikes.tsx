/** What somebody else may have said already, while a title is typed. It never stands in the way: it comes below the field and goes on wish. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/index.ts";
import { SupportButtons } from "../parts/figures.tsx";
import { ideaOf, type Room } from "../store/room.ts";
import { say } from "../ui/voice.tsx";
import style from "./lookalikes.module.css";

/** How long after the last key the server is asked. */
const PAUSE_MS = 500;
/** Shorter titles look like too much. */
const LEAST = 8;
const MOST = 3;

export function Lookalikes({ room, title, text }: { room: Room; title: string; text: string }) {
	const found = useSignal<string[]>([]);
	const dismissed = useSignal(false);
	useEffect(() => {
		const asked = title.trim();
		if (dismissed.value) return;
		if (asked.length < LEAST) {
			found.value = [];
			return;
		}
		let current = true;
		const timer = setTimeout(() => {
			room.similar(asked, text.trim()).then(
				(list) => {
					if (!current) return;
					const news = found.value.length === 0 && list.length > 0;
					found.value = list.filter((id) => ideaOf(room, id)).slice(0, MOST);
					if (news) say(t("similar.found", { n: found.value.length }));
				},
				() => {}, // it was an offer; without it the idea is posted all the same
			);
		}, PAUSE_MS);
		return () => {
			current = false;
			clearTimeout(timer);
		};
	}, [title, text, dismissed.value]);
	if (dismissed.value || found.value.length === 0) return null;
	return (
		<section class={`note ${style.box}`} aria-labelledby="similar">
			<h3 id="similar">{t("similar.title")}</h3>
			<ul>
				{found.value.map((id) => {
					const idea = ideaOf(room, id)?.value;
					return (
						idea?.status === "posted" && (
							<li key={id}>
								<a href={`/c/${room.id}/idea/${id}`} target="_blank" rel="noopener">
									{idea.title}
									<span class="hidden"> {t("ui.newtab")}</span>
								</a>
								<SupportButtons room={room} idea={idea} />
							</li>
						)
					);
				})}
			</ul>
			<button
				type="button"
				class="btn bare slim"
				onClick={() => {
					dismissed.value = true;
				}}
			>
				{t("similar.dismiss")}
			</button>
		</section>
	);
}
