// SPDX-License-Identifier: GPL-3.0-or-later
/** A worker of the proving page. */
import { serve } from "../../prove/wasm-worker.ts";

serve(
  (listener) => {
    self.onmessage = ({ data }) => listener(data);
  },
  // A worker's postMessage takes no origin; the types are a window's.
  (message, taken) => (self.postMessage as (message: unknown, taken: ArrayBuffer[]) => void)(message, taken),
);
