/** Codes to join with: capitals and digits without 0 O 1 I L U, typed in any case, with spaces or dashes. */

/** A code as the server knows it. */
export function tidyCode(text: string): string {
	return text.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

/** A code as people read it: in groups of three. */
export function readable(code: string): string {
	return tidyCode(code).replace(/(.{3})(?=.)/g, "$1 ");
}
