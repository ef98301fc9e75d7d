import { flows } from "./flows.js";

flows({ width: 360, height: 740, dark: true });
