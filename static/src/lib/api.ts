/** Calls to the server over HTTP. The session travels in a cookie that no script can read. */
import { language, t } from "../i18n/index.ts";
import type { Code } from "../protocol.ts";

/** What a call answers when it does not answer: the server's sentence, or one of our own when there was no server. */
export class ApiError extends Error {
	constructor(
		readonly status: number,
		readonly code: Code | "offline",
		message: string,
		readonly field = "",
	) {
		super(message);
		this.name = "ApiError";
	}
}

/** The sentence to show for whatever was thrown. */
export function sentenceOf(e: unknown): string {
	return e instanceof ApiError ? e.message : t("fault.unknown");
}

export async function call<T>(method: "GET" | "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
	let response: Response;
	try {
		response = await fetch(`/api/v1${path}`, {
			method,
			headers: {
				Accept: "application/json",
				"Accept-Language": language.value,
				...(body === undefined ? {} : { "Content-Type": "application/json" }),
			},
			body: body === undefined ? undefined : JSON.stringify(body),
			credentials: "same-origin",
			signal: AbortSignal.timeout(20_000),
		});
	} catch {
		throw new ApiError(0, "offline", t("fault.offline"));
	}
	const text = await response.text().catch(() => "");
	let answer: unknown = null;
	if (text) {
		try {
			answer = JSON.parse(text);
		} catch {
			answer = null;
		}
	}
	if (response.ok) return answer as T;
	const error = (answer as { error?: { code?: Code; message?: string; field?: string } } | null)?.error;
	throw new ApiError(
		response.status,
		error?.code ?? (response.status >= 500 ? "unavailable" : "bad_request"),
		error?.message ?? t("fault.unknown"),
		error?.field,
	);
}
