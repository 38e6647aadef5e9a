/** Codes to join with: capitals and digits without 0 O 1 I L U, typed in any case, with spaces or dashes. */

/** A code as the server knows it. */
export function tidyCode(text: string): string {
	return text.toUpperCase().replace(/[^A-Z0-9]/g, "");
}

/** A code as people read it: in groups of three. */
export function readable(code: string): string {
	return tidyCode(code).replace(/(.{3})(?=.)/g, "$1 ");
}

/** Where a campaign is joined: the address that the server was told it has, else the one that this page came from. */
export function joinAddress(campaign: { join_url?: string; code?: string }, origin = location.origin): string {
	return campaign.join_url || (campaign.code ? `${origin}/j/${campaign.code}` : "");
}
