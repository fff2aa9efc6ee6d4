// What goes with every request: the system prompt and the sampler. Empty fields are the server's to fill.
import { changeSettings } from "../conversations";
import { IconButton } from "../icons";
import { currentSettings, getState, update, useSelected } from "../state";
import type { Sampling } from "../types";

interface Field {
  name: keyof Sampling;
  label: string;
  help: string;
  min: number;
  max: number;
  step: number;
}

const FIELDS: Field[] = [
  { name: "temperature", label: "Temperature", help: "0: always the likeliest token", min: 0, max: 2, step: 0.1 },
  { name: "top_p", label: "Top-p", help: "keep the likeliest that make up this share", min: 0, max: 1, step: 0.05 },
  { name: "top_k", label: "Top-k", help: "keep so many; 0: all", min: 0, max: 1 << 30, step: 1 },
  { name: "min_p", label: "Min-p", help: "keep what has this share of the likeliest", min: 0, max: 1, step: 0.01 },
  { name: "max_tokens", label: "Max tokens", help: "longest answer", min: 1, max: 1 << 30, step: 1 },
  { name: "seed", label: "Seed", help: "the same seed, the same answer", min: 0, max: Number.MAX_SAFE_INTEGER, step: 1 },
  { name: "repetition_penalty", label: "Repetition penalty", help: "1: none", min: 0.01, max: 100, step: 0.05 },
  { name: "presence_penalty", label: "Presence penalty", help: "0: none", min: -2, max: 2, step: 0.1 },
  { name: "frequency_penalty", label: "Frequency penalty", help: "0: none", min: -2, max: 2, step: 0.1 },
];

function NumberField({ field, value }: { field: Field; value: number | undefined }) {
  const { name, label, help, min, max, step } = field;
  const change = (input: HTMLInputElement) => {
    if (!input.validity.badInput && !input.validity.rangeOverflow && !input.validity.rangeUnderflow) {
      const sampling = { ...currentSettings(getState()).sampling };
      if (input.value === "") delete sampling[name];
      else sampling[name] = step === 1 ? Math.trunc(input.valueAsNumber) : input.valueAsNumber;
      changeSettings({ sampling });
    }
  };
  return (
    <label class="field number" for={`option-${name}`}>
      <span>{label}<small>{help}</small></span>
      <input
        id={`option-${name}`} type="number" min={min} max={max} step={step === 1 ? 1 : "any"} placeholder="default"
        value={value ?? ""} onInput={(event) => change(event.currentTarget)}
      />
    </label>
  );
}

export function Options() {
  const open = useSelected((state) => state.optionsOpen);
  const { system, sampling } = useSelected(currentSettings);
  const showTokens = useSelected((state) => state.showTokens);
  if (!open) return null;
  return (
    <>
      <div class="backdrop" onClick={() => update({ optionsOpen: false })} />
      <aside class="options" aria-label="Options">
        <div class="options-head">
          <h2>Options</h2>
          <IconButton icon="close" label="Close the options" keys="Alt O" onClick={() => update({ optionsOpen: false })} />
        </div>
        <label class="field" for="system">
          <span>System prompt</span>
          <textarea
            id="system" rows={5} value={system} placeholder="How the model shall answer"
            onInput={(event) => changeSettings({ system: event.currentTarget.value })}
          />
        </label>
        {FIELDS.map((field) => <NumberField key={field.name} field={field} value={sampling[field.name]} />)}
        <label class="field check">
          <input type="checkbox" checked={showTokens} onChange={() => update({ showTokens: !showTokens })} />
          <span>Show tokens<small>with what else was likely (Alt K)</small></span>
        </label>
        <button type="button" class="plain" onClick={() => changeSettings({ system: "", sampling: {} })}>Reset all</button>
      </aside>
    </>
  );
}
