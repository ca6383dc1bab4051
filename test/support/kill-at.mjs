// SPDX-License-Identifier: GPL-3.0-or-later
// Kills a program, and what it has started, at a step of its work on files, as kill -9 would: `--import` of this in NODE_OPTIONS, and in
// KILL_AT the step, `write NAME` or `rename NAME`, where NAME is the end of the file's path. A write leaves half of the content. A step
// `NUMBER` is whichever comes as that one; KILL_LOG names a file that all steps are written to.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { KILL_AT, KILL_LOG } = process.env;
const { appendFileSync, writeFileSync } = fs;
let steps = 0;

/** Whether this is the step; `name` is where the file will be, also of one that is written under another name first. */
function isTime(what, file) {
  const name = String(file).replace(/\.([^/]*)\.[0-9a-f]{12}$/, "$1");
  if (KILL_LOG !== undefined) appendFileSync(KILL_LOG, `${what} ${name}\n`);
  const [wanted, end] = (KILL_AT ?? "").split(" ");
  return wanted === String(++steps) || (wanted === what && name.endsWith(end));
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
