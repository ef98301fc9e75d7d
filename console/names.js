// The names of accounts, users and groups.

/** What names are made of, as the API has it; `signs` are allowed besides. */
export const nameHelp = (signs = "") =>
  `Letters a-z, digits, spaces and @ . ! ${signs}$ + = ^ _ \` ~ ; -, 3 to 128 of them; begins with a letter or digit, ends with one or “_”. It cannot be changed.`;
