import { flows } from "./flows.js";

flows({ width: 1280, height: 900, dark: false });
