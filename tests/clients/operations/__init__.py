"""Every operation, once with success and once with a refusal that is documented for it.

The table drives a client generated from the contract and one generated from Kedge's own document. Where the contract
documents no refusal of an operation but 500, the refusal is the 401 that any operation may answer, and only Kedge's own
document has it.
"""

from operations import accounts, events, own, roles, sso, system, tokens

#: operation id -> (success, refusal); no refusal where the document of the operation knows none.
OPERATIONS = (
    own.OPERATIONS
    | accounts.OPERATIONS
    | roles.OPERATIONS
    | sso.OPERATIONS
    | tokens.OPERATIONS
    | system.OPERATIONS
    | events.OPERATIONS
)
