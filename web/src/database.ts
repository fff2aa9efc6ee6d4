// Conversations are kept in this browser alone, in IndexedDB. Where that is not to be had (some private windows), they
// live as long as the page.
import type { Conversation } from "./types";

const STORE = "conversations";
let opened: Promise<IDBDatabase | null> | undefined;

function open(): Promise<IDBDatabase | null> {
  opened ??= new Promise((resolve) => {
    try {
      const request = indexedDB.open("tern", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
  return opened;
}

async function run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
  const database = await open();
  if (database === null) return null;
  return new Promise((resolve) => {
    const transaction = database.transaction(STORE, mode);
    const request = work(transaction.objectStore(STORE));
    transaction.commit(); // at once: the page may be about to go
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  });
}

export const database = {
  all: async () => ((await run<Conversation[]>("readonly", (store) => store.getAll())) ?? []),
  put: (conversation: Conversation) => run("readwrite", (store) => store.put(conversation)),
  remove: (id: string) => run("readwrite", (store) => store.delete(id)),
};
