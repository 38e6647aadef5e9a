import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Builds the program once, as docker/Dockerfile and the releases do, unless KIEM_BIN names one. */
export default function build(): void {
	if (process.env.KIEM_BIN) return;
	const bin = join(mkdtempSync(join(tmpdir(), "kiem-bin-")), "kiem");
	execFileSync("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/kiem"], {
		cwd: join(import.meta.dirname, ".."),
		env: { ...process.env, CGO_ENABLED: "0" },
		stdio: "inherit",
	});
	process.env.KIEM_BIN = bin;
}
