// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IMarginGate} from "../interfaces/IMarginGate.sol";
import {IMarket} from "../interfaces/IMarket.sol";
import {VM} from "./Vm.sol";

/// Deploys contracts of the release: what is tested is what a venue deploys, and tests compile without it.
library Release {
    /// A contract without libraries.
    function deploy(string memory name, bytes memory arguments) internal returns (address) {
        return _create(name, _code(name), arguments);
    }

    /// A gate with the library that it calls, not sealed yet.
    function gate(IMarket market) internal returns (IMarginGate) {
        string memory placeholder = VM.toString(keccak256("verifier-contracts/libraries/Vault.sol:Vault"));
        assembly {
            mstore(placeholder, 36) // "0x" and the 34 digits that the compiler writes between "__$" and "$__"
        }
        placeholder = string.concat(VM.replace(placeholder, "0x", "__$"), "$__");
        string memory vault = VM.replace(VM.toString(deploy("Vault", "")), "0x", "");
        string memory code = VM.replace(_code("MarginGate"), placeholder, vault);
        return IMarginGate(_create("MarginGate", code, abi.encode(market, 1, 60, false)));
    }

    /// Exchange, clearing and fund of a gate, around a desk for liquidation that is there already.
    function desks(IMarginGate gate_, address operator, address liquidation) internal returns (address[4] memory made) {
        made[0] = deploy("Exchange", abi.encode(gate_, operator, 1 days, true));
        made[1] = deploy("Clearing", abi.encode(gate_));
        made[2] = liquidation;
        made[3] = deploy("Fund", abi.encode(gate_));
    }

    function _code(string memory name) private view returns (string memory) {
        string memory artifact = VM.readFile(string.concat("verifier-contracts/release/", name, ".json"));
        return VM.parseJsonString(artifact, ".bytecode");
    }

    function _create(string memory name, string memory code, bytes memory arguments) private returns (address made) {
        bytes memory creation = bytes.concat(VM.parseBytes(code), arguments);
        assembly {
            made := create(0, add(creation, 32), mload(creation))
        }
        require(made != address(0), string.concat(name, " was not deployed"));
    }
}
