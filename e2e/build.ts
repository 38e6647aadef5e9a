import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Builds the program once, unless KIEM_BIN names one. */
export default function build(): void {
	if (process.env.KIEM_BIN) return;
	const bin = join(mkdtempSync(join(tmpdir(), "kiem-bin-")), "kiem");
	execFileSync("go", ["build", "-o", bin, "./cmd/kiem"], { cwd: join(import.meta.dirname, ".."), stdio: "inherit" });
	process.env.KIEM_BIN = bin;
}
