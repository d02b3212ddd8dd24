// Where the page begins.
import "./css/tokens.css";
import "./css/base.css";
import { render } from "preact";
import { startRouter } from "./router.ts";
import { OpenScreen, Shell } from "./shell.tsx";
import { startShortcuts } from "./shortcuts.tsx";
import { away, session, startStore } from "./store.ts";
import { startTheme } from "./theme.ts";
import { Empty, Loading } from "./ui/page.tsx";

function Page() {
  if (!session.value) return away.value ? <Empty alone icon="error" title="The daemon does not answer">This page goes on by itself when it is back.</Empty> : <Loading />;
  return session.value.account ? <Shell /> : <OpenScreen />;
}

startTheme();
startRouter();
startShortcuts();
render(<Page />, document.body);
void startStore();
