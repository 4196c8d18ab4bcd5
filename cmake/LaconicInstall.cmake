# `cmake --install build`: the executable, the experiments and the docs.
include(GNUInstallDirs)
if(TARGET laconic)
  install(TARGETS laconic RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # LibTorch stays where it is: an installed executable still has to find it.
  set_target_properties(laconic PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
endif()
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/laconic/configs)
install(FILES README.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR})
