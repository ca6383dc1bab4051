// SPDX-License-Identifier: GPL-3.0-or-later
// Kills a program, and what it has started, at a step of its work on files, as kill -9 would: `--import` of this in NODE_OPTIONS, and in
// KILL_AT the step, `write NAME`, `rename NAME` or `remove NAME`, where NAME is the end of the file's path. A write leaves half of the content.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const [wanted, end] = (process.env.KILL_AT ?? "").split(" ");
const { writeFileSync } = fs;

/** Whether this is the step. Of a file that is written under another name first, its name is what it will be. */
function isTime(what, file) {
  return (
    what === wanted &&
    String(file)
      .replace(/\.([^/]*)\.[0-9a-f]{12}$/, "$1")
      .endsWith(end)
  );
}
// The group: the program is started as the leader of one.
const kill = () => process.kill(0, "SIGKILL");

function hook(module, suffix) {
  const original = { ...module };
  module[`writeFile${suffix}`] = (file, content, ...rest) => {
    if (isTime("write", file)) {
      writeFileSync(file, content.slice(0, content.length / 2), ...rest);
      kill();
    }
    return original[`writeFile${suffix}`](file, content, ...rest);
  };
  for (const name of ["rename", "link"]) {
    module[`${name}${suffix}`] = (from, to) => {
      if (isTime("rename", to)) kill();
      return original[`${name}${suffix}`](from, to);
    };
  }
  for (const name of ["rm", "unlink"]) {
    module[`${name}${suffix}`] = (file, ...rest) => {
      if (isTime("remove", file)) kill();
      return original[`${name}${suffix}`](file, ...rest);
    };
  }
}
hook(fs, "Sync");
hook(fs.promises, "");
syncBuiltinESMExports();
