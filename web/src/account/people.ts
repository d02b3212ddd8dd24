// Requests about accounts and tokens.
import { api } from "../api.ts";
import type { Account, AccountRole, Invitation, Token } from "../types.ts";

const path = (name: string, rest = "") => `/accounts/${encodeURIComponent(name)}${rest}`;

export interface NewAccount {
  name: string;
  role: AccountRole;
  machines: string[];
}

export interface AccountChange {
  role?: AccountRole;
  disabled?: boolean;
  machines?: string[];
}

export const addAccount = (account: NewAccount) => api<Account & Invitation>("POST", "/accounts", account);
export const changeAccount = (name: string, change: AccountChange) => api<Account>("PATCH", path(name), change);
export const resetAccount = (name: string) => api<Invitation>("POST", path(name, "/reset"));
export const removeAccount = (name: string) => api<void>("DELETE", path(name));

export const addToken = (name: string, days: number) => api<Token & { token: string }>("POST", "/tokens", { name, ...(days > 0 && { expires_days: days }) });
export const removeToken = (id: string) => api<void>("DELETE", `/tokens/${encodeURIComponent(id)}`);
