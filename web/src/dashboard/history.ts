// The server's state of the last minutes, asked for every second while somebody looks.
import { useEffect, useState } from "preact/hooks";
import { noteFailure } from "../answering";
import { ApiError, getJson } from "../api";
import { getState, update } from "../state";
import type { DebugState } from "./debug_state";

const EVERY_MS = 1000;
const KEPT = 300;

export interface Sample {
  time: number; // seconds since 1970
  state: DebugState;
}

let samples: Sample[] = [];

export interface Watched {
  samples: Sample[];
  problem: string;
}

async function ask(): Promise<string> {
  try {
    const state = await getJson<DebugState>("/debug/state");
    samples = [...samples.slice(-(KEPT - 1)), { time: Date.now() / 1000, state }];
    if (getState().server.kind === "down") update({ server: { kind: "up" } });
    return "";
  } catch (error) {
    noteFailure(error);
    if (error instanceof ApiError && error.status === 0) return ""; // the bar on top says so
    if (error instanceof ApiError && error.status === 404) return "This server has no /debug/state.";
    return error instanceof Error ? error.message : String(error);
  }
}

export function useHistory(): Watched {
  const [watched, setWatched] = useState<Watched>({ samples, problem: "" });
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const again = async () => {
      const problem = document.hidden || getState().server.kind === "locked" ? "" : await ask();
      if (ended) return;
      setWatched({ samples, problem });
      timer = window.setTimeout(() => void again(), EVERY_MS);
    };
    void again();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  return watched;
}

type Line = (number | null)[];

// One number of every sample; null where it was not known.
export function line(samples: Sample[], pick: (state: DebugState) => number | undefined | null): Line {
  return samples.map(({ state }) => pick(state) ?? null);
}

// How fast a total grew from sample to sample, per second.
export function rate(samples: Sample[], pick: (state: DebugState) => number | undefined): Line {
  return samples.map(({ time, state }, i) => {
    const before = samples[i - 1];
    const now = pick(state);
    const then = before && pick(before.state);
    if (now === undefined || then === undefined || now < then) return null; // the server began anew
    return (now - then) / (time - before!.time);
  });
}
