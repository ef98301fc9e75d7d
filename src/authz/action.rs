//! Every action that the API knows, as a closed set: a permission that does not exist cannot be asked for.

/// Declares [`Action`], its names and the list of all of them from one table.
macro_rules! actions {
    ($($variant:ident = $name:literal,)+) => {
        /// What an operation does, as roles grant it (`x-anchore-authz-action` of the contract).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $(#[doc = concat!("`", $name, "`")] $variant,)+ }

        impl Action {
            /// Every action, sorted by name.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

actions! {
    AddAction = "addAction",
    AddCorrection = "addCorrection",
    AddUserGroupRole = "addUserGroupRole",
    AddUserGroupUser = "addUserGroupUser",
    CreateAccount = "createAccount",
    CreateApiKey = "createApiKey",
    CreateApplication = "createApplication",
    CreateArchiveTransitionRule = "createArchiveTransitionRule",
    CreateArchivedImageAnalysis = "createArchivedImageAnalysis",
    CreateArtifactLifecyclePolicy = "createArtifactLifecyclePolicy",
    CreateArtifactRelationship = "createArtifactRelationship",
    CreateImage = "createImage",
    CreateNotificationEndpointConfiguration = "createNotificationEndpointConfiguration",
    CreatePolicy = "createPolicy",
    CreateRegistry = "createRegistry",
    CreateRepository = "createRepository",
    CreateRoleMember = "createRoleMember",
    CreateSubscription = "createSubscription",
    CreateUser = "createUser",
    CreateUserGroup = "createUserGroup",
    CreateVulnAnnotation = "createVulnAnnotation",
    DeleteAccount = "deleteAccount",
    DeleteApiKey = "deleteApiKey",
    DeleteApplication = "deleteApplication",
    DeleteArchiveTransitionRule = "deleteArchiveTransitionRule",
    DeleteArchivedImageAnalysis = "deleteArchivedImageAnalysis",
    DeleteArtifactLifecyclePolicy = "deleteArtifactLifecyclePolicy",
    DeleteArtifactRelationships = "deleteArtifactRelationships",
    DeleteCorrection = "deleteCorrection",
    DeleteEvents = "deleteEvents",
    DeleteImage = "deleteImage",
    DeleteIntegration = "deleteIntegration",
    DeleteInventory = "deleteInventory",
    DeleteKubernetesNamespaces = "deleteKubernetesNamespaces",
    DeleteNotificationEndpointConfiguration = "deleteNotificationEndpointConfiguration",
    DeletePolicy = "deletePolicy",
    DeleteRegistry = "deleteRegistry",
    DeleteRoleMember = "deleteRoleMember",
    DeleteService = "deleteService",
    DeleteSource = "deleteSource",
    DeleteSubscription = "deleteSubscription",
    DeleteUser = "deleteUser",
    DeleteUserGroup = "deleteUserGroup",
    DeleteUserGroupRole = "deleteUserGroupRole",
    DeleteUserGroupUser = "deleteUserGroupUser",
    DeleteVulnAnnotation = "deleteVulnAnnotation",
    GetAccount = "getAccount",
    GetActions = "getActions",
    GetAlert = "getAlert",
    GetApiKey = "getApiKey",
    GetApplication = "getApplication",
    GetArchiveTransitionRule = "getArchiveTransitionRule",
    GetArchivedImageAnalysis = "getArchivedImageAnalysis",
    GetArtifactLifecyclePolicy = "getArtifactLifecyclePolicy",
    GetArtifactRelationship = "getArtifactRelationship",
    GetArtifactRelationshipDiff = "getArtifactRelationshipDiff",
    GetCorrection = "getCorrection",
    GetECSContainers = "getECSContainers",
    GetECSServices = "getECSServices",
    GetECSTasks = "getECSTasks",
    GetEvent = "getEvent",
    GetImage = "getImage",
    GetImageEvaluation = "getImageEvaluation",
    GetIntegration = "getIntegration",
    GetKubernetesContainers = "getKubernetesContainers",
    GetKubernetesNamespaces = "getKubernetesNamespaces",
    GetKubernetesNodes = "getKubernetesNodes",
    GetKubernetesPods = "getKubernetesPods",
    GetNotificationEndpointConfiguration = "getNotificationEndpointConfiguration",
    GetPolicy = "getPolicy",
    GetRegistry = "getRegistry",
    GetResourceLimits = "getResourceLimits",
    GetRole = "getRole",
    GetService = "getService",
    GetSource = "getSource",
    GetSourceEvaluation = "getSourceEvaluation",
    GetSubscription = "getSubscription",
    GetSystemConfig = "getSystemConfig",
    GetUser = "getUser",
    GetUserGroup = "getUserGroup",
    GetUserGroupRoles = "getUserGroupRoles",
    GetUserGroupUsers = "getUserGroupUsers",
    GetVulnAnnotation = "getVulnAnnotation",
    ImportImage = "importImage",
    ImportSource = "importSource",
    IntrospectToken = "introspectToken",
    ListAccountUsersWithRoles = "listAccountUsersWithRoles",
    ListAccounts = "listAccounts",
    ListAlerts = "listAlerts",
    ListAllUsers = "listAllUsers",
    ListApiKeys = "listApiKeys",
    ListArchiveTransitionRules = "listArchiveTransitionRules",
    ListArchivedImageAnalysis = "listArchivedImageAnalysis",
    ListArchives = "listArchives",
    ListArtifactRelationships = "listArtifactRelationships",
    ListEvents = "listEvents",
    ListFeeds = "listFeeds",
    ListImages = "listImages",
    ListIntegrations = "listIntegrations",
    ListNotificationEndpointConfigurations = "listNotificationEndpointConfigurations",
    ListNotificationEndpoints = "listNotificationEndpoints",
    ListPolicies = "listPolicies",
    ListRegistries = "listRegistries",
    ListRoleMembers = "listRoleMembers",
    ListRoles = "listRoles",
    ListRuntimeInventories = "listRuntimeInventories",
    ListServices = "listServices",
    ListSources = "listSources",
    ListSubscriptions = "listSubscriptions",
    ListUserGroups = "listUserGroups",
    ListUsers = "listUsers",
    ListVulnAnnotations = "listVulnAnnotations",
    RegisterIntegration = "registerIntegration",
    ReportHealth = "reportHealth",
    SelfCreateApiKey = "selfCreateApiKey",
    SelfDeleteApiKey = "selfDeleteApiKey",
    SelfGetApiKey = "selfGetApiKey",
    SelfListApiKeys = "selfListApiKeys",
    SelfUpdateApiKey = "selfUpdateApiKey",
    SyncInventory = "syncInventory",
    UnsetSystemConfig = "unsetSystemConfig",
    UpdateAccount = "updateAccount",
    UpdateAlert = "updateAlert",
    UpdateApiKey = "updateApiKey",
    UpdateApplication = "updateApplication",
    UpdateArtifactLifecyclePolicy = "updateArtifactLifecyclePolicy",
    UpdateCorrection = "updateCorrection",
    UpdateFeeds = "updateFeeds",
    UpdateLoggingLevel = "updateLoggingLevel",
    UpdateNotificationEndpoint = "updateNotificationEndpoint",
    UpdateNotificationEndpointConfiguration = "updateNotificationEndpointConfiguration",
    UpdatePolicy = "updatePolicy",
    UpdateRegistry = "updateRegistry",
    UpdateSubscription = "updateSubscription",
    UpdateSystemConfig = "updateSystemConfig",
    UpdateUser = "updateUser",
    UpdateUserGroup = "updateUserGroup",
    UpdateVulnAnnotation = "updateVulnAnnotation",
    ViewReports = "viewReports",
}

impl Action {
    /// Whether it is asked for in the domain `system` only: no role of an account grants it.
    #[must_use]
    pub const fn is_systems(self) -> bool {
        matches!(
            self,
            Self::AddUserGroupRole
                | Self::AddUserGroupUser
                | Self::CreateAccount
                | Self::CreateArtifactLifecyclePolicy
                | Self::CreateUserGroup
                | Self::DeleteAccount
                | Self::DeleteArtifactLifecyclePolicy
                | Self::DeleteService
                | Self::DeleteUserGroup
                | Self::DeleteUserGroupRole
                | Self::DeleteUserGroupUser
                | Self::GetResourceLimits
                | Self::GetSystemConfig
                | Self::GetUserGroup
                | Self::GetUserGroupRoles
                | Self::GetUserGroupUsers
                | Self::ListAccounts
                | Self::ListAllUsers
                | Self::ListUserGroups
                | Self::UnsetSystemConfig
                | Self::UpdateAccount
                | Self::UpdateArtifactLifecyclePolicy
                | Self::UpdateFeeds
                | Self::UpdateLoggingLevel
                | Self::UpdateSystemConfig
                | Self::UpdateUserGroup
        )
    }

    /// Whether it is about users, credentials, other people's API keys, roles or role members: who hands such an
    /// action out must hold it.
    #[must_use]
    pub const fn is_about_identity(self) -> bool {
        matches!(
            self,
            Self::CreateApiKey
                | Self::CreateRoleMember
                | Self::CreateUser
                | Self::DeleteApiKey
                | Self::DeleteRoleMember
                | Self::DeleteUser
                | Self::GetApiKey
                | Self::GetRole
                | Self::GetUser
                | Self::ListAccountUsersWithRoles
                | Self::ListApiKeys
                | Self::ListRoleMembers
                | Self::ListRoles
                | Self::ListUsers
                | Self::UpdateApiKey
                | Self::UpdateUser
        )
    }

    /// The action of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
