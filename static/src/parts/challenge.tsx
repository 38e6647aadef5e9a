/** The text of a challenge: its beginning, and the rest for those who want to read it. */
import { t } from "../i18n/index.ts";
import style from "./challenge.module.css";

/** Characters that are shown of a long text. */
const BEGINNING = 150;

export function ChallengeText({ text }: { text: string }) {
	if (!text) return null;
	const end = text.indexOf(" ", BEGINNING);
	if (end < 0 || text.length < BEGINNING * 1.5) return <p class="prose">{text}</p>;
	return (
		<details class={style.challenge}>
			<summary>
				<span class={`prose ${style.short}`}>{text.slice(0, end)}… </span>
				<span class={style.more}>{t("challenge.more")}</span>
				<span class={style.less}>{t("challenge.less")}</span>
			</summary>
			<p class="prose">{text}</p>
		</details>
	);
}
