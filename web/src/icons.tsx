// Icons of 20 x 20, strokes in the text's colour. They say nothing to screen readers: their buttons have labels.
const PATHS = {
  attach: "M14.5 9.5 9 15a3.2 3.2 0 0 1-4.5-4.5L11 4a2.2 2.2 0 0 1 3 3l-6.3 6.3a1 1 0 0 1-1.5-1.5L11.5 6.5",
  chart: "M3 17h14M5.5 14v-4M10 14V5M14.5 14V8",
  chat: "M4 4.5h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H9l-4 3v-3H4a1 1 0 0 1-1-1v-7a1 1 0 0 1 1-1z",
  check: "M4 10.5 8 14.5 16 6",
  close: "M5 5l10 10M15 5 5 15",
  copy: "M7 7V4h9v9h-3M4 7h9v9H4z",
  edit: "M12.5 4.5l3 3L8 15l-3.5.5L5 12z",
  list: "M3 5.5h14M3 10h14M3 14.5h14",
  next: "M8 5l5 5-5 5",
  options: "M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4",
  plus: "M10 4v12M4 10h12",
  previous: "M12 5l-5 5 5 5",
  remove: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6",
  repeat: "M15.5 8A6 6 0 1 0 16 11M16 4v4h-4",
  save: "M10 3v9M6.5 8.5 10 12l3.5-3.5M4 16h12",
  send: "M10 16V4M5 9l5-5 5 5",
  stop: "M6 6h8v8H6z",
  theme: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  tokens: "M3 6h5v8H3zM10 6h7v8h-7z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

interface ButtonProps {
  icon: IconName;
  label: string; // what it does; shown as a tip, too
  keys?: string;
  onClick: (event: MouseEvent) => void;
  pressed?: boolean;
  disabled?: boolean;
  expanded?: boolean;
  class?: string;
}

export function IconButton({ icon, label, keys, onClick, pressed, disabled, expanded, class: more }: ButtonProps) {
  return (
    <button
      type="button" class={`icon-button ${more ?? ""}`} title={keys ? `${label} (${keys})` : label} aria-label={label}
      aria-pressed={pressed} aria-expanded={expanded} disabled={disabled} onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
