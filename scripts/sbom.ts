// SPDX-License-Identifier: GPL-3.0-or-later
/**
 * The bill of materials of the release, in CycloneDX: what an installation of the package `plimsoll` brings, each package with its
 * SHA-512 and licence. Made by npm from the lock file alone, and the same for the same lock file.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "..");

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}
export interface Sbom {
  readonly bomFormat: "CycloneDX";
  readonly serialNumber: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Throws where npm fails. */
export function makeSbom(): Sbom {
  // As a command of its own: while npm packs, it hands its own settings on.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name)));
  const words = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only", "--workspaces"];
  const text = execFileSync("npm", words, { cwd: ROOT, env, encoding: "utf8", maxBuffer: 1 << 26 });
  const { metadata, components, dependencies, ...whole } = JSON.parse(text) as Sbom & { metadata: object };
  const root = components.find(({ "bom-ref": ref }) => ref.startsWith("plimsoll@"))!;
  // Not by --omit dev, which leaves out what the project's own tools need too.
  const edges = new Map(dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const reached = new Set<string>([root["bom-ref"]]);
  for (const ref of reached) for (const needed of edges.get(ref) ?? []) reached.add(needed);
  const { timestamp: _, component: __, ...made } = metadata as Sbom["metadata"] & { timestamp: string };
  const contents = {
    metadata: { ...made, component: { ...root, name: "plimsoll" } },
    components: components.filter(({ "bom-ref": ref }) => ref !== root["bom-ref"] && reached.has(ref)),
    dependencies: dependencies.filter(({ ref }) => reached.has(ref)),
  };
  const digest = createHash("sha256").update(JSON.stringify(contents)).digest("hex");
  // The form of a random UUID, which the format asks for.
  const uuid = digest.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-4$3-8$4-$5");
  return { ...whole, serialNumber: `urn:uuid:${uuid}`, ...contents };
}
