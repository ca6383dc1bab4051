// SPDX-License-Identifier: GPL-3.0-or-later
/** File systems that are full or read-only, for one command each: they are gone when it ends. */
import { spawnSync } from "node:child_process";

/** Runs shell commands in a namespace of their own: what they mount nobody else sees. */
const unshared = (script: string, args: readonly string[]) =>
  spawnSync("unshare", ["-rm", "sh", "-c", script, "sh", ...args], { encoding: "utf8", timeout: 60_000 });

/** Runs shell commands with a new file system mounted at `$1`. */
const inNamespace = (script: string, args: readonly string[]) => {
  const mount = `mount -t tmpfs -o size=64m none "$1" && { [ -z "$2" ] || cp -a "$2/." "$1"; } || exit 99`;
  return unshared(`${mount}\n${script}`, args);
};

/** Whether this system lets a process mount file systems of its own. */
export const canMount = (): boolean => process.platform === "linux" && inNamespace("exit 0", ["/tmp", ""]).status === 0;

export interface Placed {
  /** Where the file system is, an existing directory. */
  readonly at: string;
  /** What is copied into it first. */
  readonly from?: string;
}

/** Runs a command on a disk with so many KiB free, after what was copied to it. */
export const onFullDisk = ({ at, from = "" }: Placed, free: number, command: readonly string[]) =>
  inNamespace(
    `head -c "$(($(df -k --output=avail "$1" | tail -1) - $3))k" /dev/zero >"$1/.full" && shift 3 && exec "$@"`,
    [at, from, String(free), ...command],
  );

/** Runs a command on a disk that can only be read, after what was copied to it. */
export const onReadOnlyDisk = ({ at, from = "" }: Placed, command: readonly string[]) =>
  inNamespace(`mount -o remount,ro "$1" && shift 2 && exec "$@"`, [at, from, ...command]);

/** Runs a command to which all that is in a folder can only be read. */
export const onReadOnlyFolder = (folder: string, command: readonly string[]) =>
  unshared('mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"', [folder, ...command]);

/** Runs a command to which some files are others: by each file's path, the other's. */
export const withOtherFiles = (others: Readonly<Record<string, string>>, command: readonly string[]) =>
  unshared('while [ "$1" != -- ]; do mount --bind "$2" "$1" || exit 99; shift 2; done; shift; exec "$@"', [
    ...Object.entries(others).flat(),
    "--",
    ...command,
  ]);
